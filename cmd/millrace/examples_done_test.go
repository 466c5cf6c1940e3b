package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/internal/yaml"
)

type dailyRow struct {
	Origin  string `parquet:"origin,optional"`
	Flights int64  `parquet:"flights,optional"`
}

// compareDone expects a marker in every day, which says what is there; and that the files for other programs are sound: the
// sensor is Python, the source is YAML, and the model reads exactly the days that have a marker.
func compareDone(t *testing.T, root string) {
	markers, total := glob(t, "lake/*/_SUCCESS"), int64(0)
	if days := glob(t, "lake/dt=*"); len(markers) < 2 || len(markers) != len(days) {
		t.Fatalf("%d markers of %d days", len(markers), len(days))
	}
	for _, name := range markers {
		data, err := os.ReadFile(name)
		check(t, err)
		var m struct{ Rows, Files int64 }
		check(t, json.Unmarshal(data, &m))
		files, rows := glob(t, filepath.Dir(name)+"/*.parquet"), rowsOf[dailyRow](t, filepath.Dir(name)+"/*.parquet")
		if m.Rows != int64(len(rows)) || m.Files != int64(len(files)) {
			t.Errorf("%s: %s; there are %d rows in %d files", name, data, len(rows), len(files))
		}
		for _, r := range rows {
			total += r.Flights
		}
	}
	if total != 20_000 {
		t.Errorf("%d flights in all days", total)
	}
	dir := filepath.Join(root, "examples", "done")
	checkPython(t, filepath.Join(dir, "airflow_dag.py"))
	location := externalLocation(t, filepath.Join(dir, "dbt", "models", "sources.yml"))
	model, err := os.ReadFile(filepath.Join(dir, "dbt", "models", "flights_complete.sql"))
	check(t, err)
	lake, err := filepath.Abs("lake")
	check(t, err)
	sql := strings.NewReplacer("{{ source('lake', 'flights_daily') }}", location).Replace(string(model))
	sql = strings.ReplaceAll(sql, `{{ env_var("LAKE") }}`, lake)
	if strings.Contains(sql, "{{") {
		t.Fatalf("not all of the model is filled in:\n%s", sql)
	}
	if days, flights := modelFlights(t, sql); days != len(markers) || flights != total {
		t.Errorf("the model has %d flights of %d days, want %d of %d", flights, days, total, len(markers))
	}
	check(t, os.Remove(markers[0]))
	if days, flights := modelFlights(t, sql); days != len(markers)-1 || flights >= total {
		t.Errorf("without %s the model has %d flights of %d days", markers[0], flights, days)
	}
}

// checkPython compiles a program.
func checkPython(t *testing.T, file string) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Logf("%s was not compiled: %v", file, err)
		return
	}
	source, err := os.ReadFile(file)
	check(t, err)
	cmd := exec.Command("python3", "-c", "import ast, sys; ast.parse(sys.stdin.read())")
	cmd.Stdin = strings.NewReader(string(source))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", file, err, out)
	}
}

// externalLocation is where the source of dbt reads.
func externalLocation(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	check(t, err)
	if _, err := yaml.Parse(string(text)); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, value, ok := strings.Cut(strings.TrimSpace(line), "external_location: "); ok {
			location, err := strconv.Unquote(value)
			check(t, err)
			return location
		}
	}
	t.Fatalf("%s names no external_location", file)
	return ""
}

// modelFlights runs the model in DuckDB.
func modelFlights(t *testing.T, sql string) (days int, flights int64) {
	t.Helper()
	rows := duckdbtest.Query(t, "SELECT count(DISTINCT dt), coalesce(sum(flights), 0)::bigint FROM ("+sql+")")
	days, err := strconv.Atoi(rows[0][0])
	check(t, err)
	flights, err = strconv.ParseInt(rows[0][1], 10, 64)
	check(t, err)
	return days, flights
}
