package manifest

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPlace: the function tells which of several places with one name it is, and
// without it nothing is guessed.
func TestPlace(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"h/a.go", "h/b.go"} {
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(pkg, function, said string, saidLine int, real string, line, count int) LineRun {
		return LineRun{Package: pkg, Function: function, Said: Position{File: said, Line: saidLine}, Real: Position{File: at(real), Line: line}, Count: count}
	}
	lines := Lines{
		run("x/h", "home", "page.qtpl", 10, "h/a.go", 100, 3),
		run("x/h", "(*API).list", "page.qtpl", 10, "h/a.go", 200, 3),
		run("x/h", "Map.get", "/gone/m.y", 1, "h/a.go", 300, 1),
		run("x/h", "swapped", "b.go", 5, "h/a.go", 400, 2),
		run("x/h", "moved", at("h/a.go"), 7, "h/a.go", 500, 2),
		run("x/h", "parse", "yaccpar", 1, "h/a.go", 600, 9),
		run("x/g", "parse", "yaccpar", 1, "g/a.go", 700, 9),
		run("x/h.v2", "f", "v2.y", 1, "v/a.go", 800, 1),
	}
	for _, test := range []struct {
		function, file string
		line           int
		want           string // empty: as it is
	}{
		{"x/h.home", "page.qtpl", 11, "h/a.go:101"},
		{"anvil.g7/x/h.home.func1.2", "page.qtpl", 12, "h/a.go:102"},
		{"x/h.home", at("h/page.qtpl"), 10, "h/a.go:100"},
		{"x/h.home", "./page.qtpl", 10, "h/a.go:100"},
		{"x/h.(*API).list-fm", "page.qtpl", 10, "h/a.go:200"},
		{"x/h.Map[...].get", "/gone/m.y", 1, "h/a.go:300"},
		{"x/h.homely", "page.qtpl", 10, "h/a.go:100"}, // inlined into another, by its name
		{"x/h.home", "page.qtpl", 13, ""},
		{"x/h.home", "page.qtpl", 9, ""},
		{"x/h.swapped", "b.go", 6, "h/a.go:401"},
		{"x/h.swapped", at("h/b.go"), 6, "h/a.go:401"},
		{"x/h.own", at("h/b.go"), 6, ""}, // there is such a line
		{"", at("h/b.go"), 6, ""},
		{"x/h.moved", at("h/a.go"), 8, "h/a.go:501"},
		{"x/h.first", at("h/a.go"), 8, ""},
		{"x/h.parse", "yaccpar", 2, "h/a.go:601"},
		{"x/g.other", "yaccpar", 2, "g/a.go:701"},
		{"y.other", "yaccpar", 2, ""},
		{"", "yaccpar", 2, ""},
		{"", "/gone/m.y", 1, "h/a.go:300"},
		{"x/h%2ev2.f", "v2.y", 1, "v/a.go:800"},
		{"x/h.home", "", 0, ""},
	} {
		p := Position{File: test.file, Line: test.line}
		want := p.String()
		if test.want != "" {
			want = at(test.want)
		}
		if got := lines.Resolve(test.function, p).String(); got != want {
			t.Errorf("%s at %s is %s, want %s", test.function, p, got, want)
		}
	}
	if p := (Position{File: "page.qtpl", Line: 10}); Lines(nil).Resolve("x/h.home", p) != p {
		t.Error("without directives a place is as it is")
	}
}
