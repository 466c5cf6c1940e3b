package dstream

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// chained is a plan with a filter, a join, projections, two exchanges and a partition.
func chained(t *testing.T) *Plan {
	t.Helper()
	p := newProgram("source events at: id bigint, kind string, at timestamp\ntable kinds: kind string, label string",
		`from events
join kinds k (= events.kind k.kind)
filter (> id 0)
window at 10s
group label window_start
agg (as (sum id) ids)
filter (> ids 1)
window window_time 1m
group window_start
agg (as (max ids) top)
to lake (as (date window_start) dt)`)
	plan, err := p.graph.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestCheck breaks a good plan in one place at a time.
func TestCheck(t *testing.T) {
	boolean := columnar.Const(columnar.Type{Kind: columnar.Bool}, columnar.Value{I: 1})
	number := columnar.Const(columnar.Type{Kind: columnar.Int64}, columnar.Value{I: 1})
	tests := []struct {
		name  string
		spoil func(p *Plan)
		want  string
	}{
		{"nothing", func(p *Plan) {}, ""},
		{"no stages", func(p *Plan) { p.Stages = nil }, "no stages"},
		{"event time out of range", func(p *Plan) { p.Sources[0].EventTime = 9 }, "event time is column 9 of 3"},
		{"event time of another type", func(p *Plan) { p.Sources[0].EventTime = 1 }, "event time is a bigint"},
		{"stage id", func(p *Plan) { p.Stages[1].ID = 7 }, "stage 1: has the id 7"},
		{"stage input ahead", func(p *Plan) { p.Stages[1].From = FromStage(2) }, "stage 1: takes its rows from source -1, exchange -1, stage 2"},
		{"stage input out of range", func(p *Plan) { p.Stages[1].From = FromExchange(2) }, "stage 1: takes its rows from source -1, exchange 2, stage -1"},
		{"two inputs in one", func(p *Plan) { p.Stages[1].From.Stage = 0 }, "stage 1: takes its rows from source -1, exchange 0, stage 0"},
		{"rows to nowhere", func(p *Plan) { p.Stages[0].Exchange = -1 }, "stage 0: its rows go nowhere"},
		{"exchange out of range", func(p *Plan) { p.Stages[0].Exchange = 2 }, "stage 0: sends into exchange 2 of 2"},
		{"exchange without sender", func(p *Plan) { p.Stages[1].Exchange, p.Stages[1].Sinks = -1, []string{"lake"} }, `stages [] send into it`},
		{"exchange that nobody reads", func(p *Plan) { p.Exchanges = append(p.Exchanges, p.Exchanges[0]); p.Exchanges[2].Name = "x" }, `stages [] send into it, stage -1 is behind it`},
		{"exchange sends back", func(p *Plan) { p.Stages[2].Exchange = 0 }, `stages [0 2] send into it, stage 1 is behind it`},
		{"two exchanges of a name", func(p *Plan) { p.Exchanges[1].Name = p.Exchanges[0].Name }, "another one has this name too"},
		{"source without reader", func(p *Plan) { p.Sources = append(p.Sources, p.Sources[0]) }, `0 stages read it`},
		{"stage in", func(p *Plan) { p.Stages[0].In = &columnar.Schema{} }, "stage 0: takes ()"},
		{"stage out", func(p *Plan) { p.Stages[2].Out = p.Stages[2].In }, "stage 2: gives ("},
		{"two operators in one", func(p *Plan) { p.Stages[0].Ops[0].Project = &Projection{} }, "must be one of filter"},
		{"filter type", func(p *Plan) { p.Stages[0].Ops[0].Filter = number }, "filter 1: the condition is a bigint"},
		{"filter column", func(p *Plan) {
			p.Stages[0].Ops[0].Filter = &columnar.Expr{Op: "col", Type: boolean.Type, Col: 5, Name: "x"}
		}, `column "x" is number 5`},
		{"filter schema", func(p *Plan) { p.Stages[0].Ops[0].Out = &columnar.Schema{} }, "filter 1 gives ("},
		{"projection names", func(p *Plan) { p.Stages[0].Ops[2].Project.Names = nil }, "3 expressions, 0 names"},
		{"projection column", func(p *Plan) { p.Stages[0].Ops[2].Project.Exprs[0].Col = 1 }, "project 1: column"},
		{"join table", func(p *Plan) { p.Stages[0].Ops[1].Join.Table = "x" }, `no table "x"`},
		{"join keys", func(p *Plan) { p.Stages[0].Ops[1].Join.LeftKeys = nil }, "0 keys on the left, 1 on the right"},
		{"join key range", func(p *Plan) { p.Stages[0].Ops[1].Join.RightKeys[0] = -1 }, "column -1 of 2"},
		{"join key types", func(p *Plan) { p.Stages[0].Ops[1].Join.LeftKeys[0] = 0 }, "key 0 compares timestamp with string"},
		{"exchange time range", func(p *Plan) { p.Exchanges[0].TimeColumn = 4 }, "time: column 4 of 3"},
		{"exchange time type", func(p *Plan) { p.Exchanges[0].TimeColumn = 1 }, "the time is a string"},
		{"window size", func(p *Plan) { p.Exchanges[0].Window.Size = -1 }, "window size is -1 µs"},
		{"window offset", func(p *Plan) { p.Exchanges[0].Window.Offset = -1 }, "windows with offset -1 µs"},
		{"time without window", func(p *Plan) { p.Exchanges[0].Window = windows.Window{} }, "has no window, but the time is column 0"},
		{"assigned", func(p *Plan) { p.Exchanges[0].Assigned = p.Stages[0].Out }, "assigns ("},
		{"first key", func(p *Plan) { p.Exchanges[0].Spec.Keys[0] = 0 }, "do not begin with window_start"},
		{"key range", func(p *Plan) { p.Exchanges[0].Spec.Keys[1] = 8 }, "key: column 8 of 4"},
		{"aggregate range", func(p *Plan) { p.Exchanges[0].Spec.Aggs[0].Arg = 8 }, `aggregate "sum(id)": column 8 of 4`},
		{"aggregate type", func(p *Plan) { p.Exchanges[0].Spec.Aggs[0].Arg = 0 }, "takes a bigint, but column 0 is a timestamp"},
		{"aggregate function", func(p *Plan) { p.Exchanges[0].Spec.Aggs[0].In.Kind = columnar.Bool }, "sum(boolean) does not exist"},
		{"rows", func(p *Plan) { p.Exchanges[0].Spec.Aggs = p.Exchanges[0].Spec.Aggs[:1] }, "not count(*) named _rows"},
		{"final", func(p *Plan) { p.Exchanges[0].Final = p.Stages[0].Out }, "stage 1: takes ("},
		{"rows of another schema to a sink", func(p *Plan) { p.Stages[0].Sinks = []string{"lake"} }, `but stage 0 gives (`},
		{"sink fed twice", func(p *Plan) { p.Stages[2].Sinks = []string{"lake", "lake"} }, `stage 2 feeds the sinks ["lake" "lake"]`},
		{"sink not planned", func(p *Plan) { p.Sinks = nil }, `stage 2 feeds the sinks ["lake"]`},
		{"sink not fed", func(p *Plan) { p.Sinks[0].Name = "x" }, `sink "x" is not fed`},
		{"sink column", func(p *Plan) { p.Sinks[0].Columns[0] = 3 }, `sink "lake": column 3 of 2`},
		{"sink partition", func(p *Plan) {
			p.Sinks[0].Partitions[0].Expr = &columnar.Expr{Op: "col", Type: number.Type, Col: 2, Name: "y"}
		}, `partition "dt": column "y"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := chained(t)
			tt.spoil(p)
			err := p.Check()
			if tt.want == "" && err != nil {
				t.Fatal(err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
		})
	}
}
