package columnar

import (
	"slices"
	"strings"
)

// Function describes a function or operator for documents and for messages. Examples of each stand in
// testdata/functions, one file for each family.
type Function struct {
	Name      string   // as in [Expr.Op]
	Signature string   // e.g. "hour(timestamp) → bigint"
	Doc       string   // one sentence
	Family    string   // heading in the documents, e.g. "Strings"
	Aliases   []string // other names of the same function, sorted
}

// function is a registered function: how its arguments are typed and which kernel computes it.
type function struct {
	Function
	takes   string // for messages, after the name: "a timestamp"
	session Session
	resolve func(fn *function, args []*Expr) (*Expr, error)
	kernel  func(e *Expr) kernel // nil for argument types that resolve never lets through; absent where resolve gives other functions
	fails   bool                 // some argument values have no result
	zoneAt  int                  // which argument, from 1, names a time zone; 0 = none
}

// about is what documents say of a function; family and aliases are added by the registry.
func about(name, signature, doc string) Function {
	return Function{Name: name, Signature: signature, Doc: doc}
}

// families are all functions in the order of the documents. The lists stand beside the kernels.
var families = []struct {
	name string
	list func() []*function
}{
	{"Operators", operatorFunctions},
	{"Conditions", func() []*function { return append(conditionFunctions(), moreConditions()...) }},
	{"Conversion", func() []*function { return append(castFunctions(), typeFunctions()...) }},
	{"Strings", stringFunctions},
	{"Mathematics", mathFunctions},
	{"Date and time", timeFunctions},
	{"JSON", jsonFunctions},
	{"Arrays, structs and maps", nestedFunctions},
}

// registry is filled once, at start.
var registry = map[string]*function{}

func init() {
	for _, f := range families {
		for _, fn := range f.list() {
			fn.Family = f.name
			registry[fn.Name] = fn
		}
	}
	for alias, name := range aliases {
		fn := registry[name]
		fn.Aliases = append(fn.Aliases, alias)
		slices.Sort(fn.Aliases)
	}
}

// refused are functions that exist elsewhere and never will here, with the reason.
var refused = map[string]string{}

const notRepeatable = "a batch that runs again must give the same rows"

func init() {
	for _, name := range []string{"random", "rand", "randn", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "setseed", "shuffle"} {
		refused[name] = notRepeatable
	}
	for _, name := range []string{"clock_timestamp", "timeofday", "proctime"} {
		refused[name] = notRepeatable + "; now() is the time of the batch's plan"
	}
}

// Functions lists all functions and operators by family, in the order of the documents, and by name.
func Functions() []Function {
	var out []Function
	for _, f := range families {
		var list []Function
		for _, fn := range registry {
			if fn.Family == f.name {
				list = append(list, fn.Function)
			}
		}
		slices.SortFunc(list, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
		out = append(out, list...)
	}
	return out
}

// IsFunction reports whether name, in any case, is a function or operator or an alias of one.
func IsFunction(name string) bool {
	_, ok := lookup(name)
	return ok
}

// RefusedFunction says why a function that other systems have does not exist here, e.g. because its result would change
// from one run to the next. The reason is a clause to put behind "random() is not supported: ".
func RefusedFunction(name string) (reason string, ok bool) {
	reason, ok = refused[strings.ToLower(name)]
	return reason, ok
}

func lookup(name string) (*function, bool) {
	name = strings.ToLower(name)
	if a, ok := aliases[name]; ok {
		name = a
	}
	fn, ok := registry[name]
	return fn, ok
}
