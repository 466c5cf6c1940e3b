package jobspec

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/sql"
)

// ordered are the queries of a job, each behind those that it reads, and what each sink takes its rows from.
type ordered struct {
	queries []Query
	reads   map[string][]sql.Ref // by the name of the query
	from    []string             // by sink
}

// order sorts the queries.
func (s *Spec) order() (*ordered, error) {
	o := &ordered{reads: map[string][]sql.Ref{}}
	all := s.queries()
	for _, q := range all {
		refs, err := sql.Reads(q.File, q.Text, q.Start)
		if err != nil {
			return nil, err
		}
		o.reads[q.Name] = refs
	}
	return o, o.sort(all)
}

// queryNamed finds a query by its name: an exact match wins over one that ignores case, as for all names in SQL.
func queryNamed(name string, among []Query) (Query, bool) {
	for _, q := range among {
		if q.Name == name {
			return q, true
		}
	}
	for _, q := range among {
		if q.Name != "" && strings.EqualFold(q.Name, name) {
			return q, true
		}
	}
	return Query{}, false
}

// sort puts every query behind those that it reads; else they stay in the order of the file.
func (o *ordered) sort(all []Query) error {
	done := map[string]bool{}
	var visit func(q Query, way []string) error
	visit = func(q Query, way []string) error {
		if done[q.Name] {
			return nil
		}
		way = append(way, q.Name)
		for _, ref := range o.reads[q.Name] {
			next, ok := queryNamed(ref.Name, all)
			if !ok || next.Name == "" {
				continue
			}
			if i := slices.Index(way, next.Name); i >= 0 {
				circle := strings.Join(append(slices.Clone(way[i:]), next.Name), " reads ")
				return fail(ref.Pos, "", "a query cannot read its own result: %s", circle)
			}
			if err := visit(next, way); err != nil {
				return err
			}
		}
		done[q.Name] = true
		o.queries = append(o.queries, q)
		return nil
	}
	for _, q := range all {
		if err := visit(q, nil); err != nil {
			return err
		}
	}
	return nil
}

// isRead reports whether another query reads q.
func (o *ordered) isRead(q Query) bool {
	for _, refs := range o.reads {
		if slices.ContainsFunc(refs, func(r sql.Ref) bool { return strings.EqualFold(r.Name, q.Name) }) {
			return true
		}
	}
	return false
}

// sinkQueries finds the query of each sink: what from says, or the only one that no other reads. A query that nothing
// uses is a mistake. The sink of a side output has none.
func (s *Spec) sinkQueries(o *ordered) error {
	var last, names []string
	for _, q := range s.queries() {
		names = append(names, q.Name)
		if q.Name == "" || !o.isRead(q) {
			last = append(last, q.Name)
		}
	}
	for _, k := range s.Sinks {
		switch q, ok := queryNamed(k.From, s.queries()); {
		case s.isSide(k.Name):
			o.from = append(o.from, "")
		case k.From == "" && len(last) == 1:
			o.from = append(o.from, last[0])
		case k.From == "":
			return fail(k.Pos, "write from: QUERY", "sinks.%s: from which query? %s are read by no other", k.Name, enumerated(last, "and"))
		case len(s.Queries) == 0:
			return fail(k.FromPos, "leave it out, or name the query under queries", "sinks.%s.from: the job has one query, which has no name", k.Name)
		case !ok:
			return fail(k.FromPos, nearestOr(k.From, names), "sinks.%s.from: there is no query %q", k.Name, k.From)
		default:
			o.from = append(o.from, q.Name)
		}
	}
	if err := s.checkFed(); err != nil {
		return err
	}
	return s.checkUnused(o)
}

func nearestOr(word string, among []string) string {
	if hint := didYouMean(word, among); hint != "" {
		return hint
	}
	return "there is " + enumerated(among, "and")
}

// checkUnused refuses queries whose rows go nowhere.
func (s *Spec) checkUnused(o *ordered) error {
	for _, q := range s.Queries {
		if !o.isRead(q) && !slices.Contains(o.from, q.Name) {
			return fail(q.Pos, "take it out, or name it in the from of a sink", "queries.%s: no sink and no other query takes its rows", q.Name)
		}
	}
	return nil
}
