//go:build anvilhot

package reply

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// TestExcerpt: only the program's own source is shown, and only what the code
// was compiled from.
func TestExcerpt(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const text = "one\ntwo\nthree\nfour\nfive\nsix\n"
	app, vendored, module := filepath.Join(dir, "app"), write("app/vendor/x/x.go", text), write("pkg/mod/x@v1.0.0/x.go", text)
	own, other, secret := write("app/handlers/a.go", text), write("lib/lib.go", text), write("app/secret", text)
	d := &Pages{Dir: app, Handlers: "example.com/app/handlers", Hot: []string{"example.com/app/handlers", "example.com/lib/hot"}, Sources: regular.Sources{app, filepath.Dir(other)}}
	later := time.Now().Add(time.Hour)
	for _, test := range []struct {
		name, function, file string
		line                 int
		made                 time.Time
		want                 string
	}{
		{"own", "anvil.g3/example.com/app/handlers.List.func1", own, 4, later, "1 one, 2 two, 3 three, 4 four!, 5 five, 6 six"},
		{"first line", "example.com/app/handlers.List", own, 1, later, "1 one!, 2 two, 3 three, 4 four"},
		{"host package", "example.com/app/store.Get", own, 6, later, "3 three, 4 four, 5 five, 6 six!"},
		{"hot package elsewhere", "example.com/lib/hot.(*T).F", other, 1, later, "1 one!, 2 two, 3 three, 4 four"},
		{"main elsewhere", "main.main", other, 1, later, "1 one!, 2 two, 3 three, 4 four"},
		{"changed since", "example.com/app/handlers.List", own, 4, time.Now().Add(-time.Hour), ""},
		{"not known when", "example.com/app/handlers.List", own, 4, time.Time{}, ""},
		{"another's package", "example.com/lib.F", other, 1, later, ""},
		{"vendored", "x.F", vendored, 1, later, ""},
		{"module", "x.F", module, 1, later, ""},
		{"no source", "example.com/app/handlers.List", secret, 1, later, ""},
		{"//line elsewhere", "example.com/app/handlers.List", write("others/o.go", text), 1, later, ""},
		{"gone", "example.com/app/handlers.List", filepath.Join(app, "b.go"), 1, later, ""},
		{"a directory", "example.com/app/handlers.List", app, 1, later, ""},
	} {
		frames := []manifest.Frame{{Function: test.function, Position: manifest.Position{File: test.file, Line: test.line}}}
		var got []string
		for _, l := range d.excerpt(manifest.Position{File: test.file, Line: test.line}, frames, test.made) {
			mark := ""
			if l.Hit {
				mark = "!"
			}
			got = append(got, strings.Join([]string{string(rune('0' + l.Number)), l.Text + mark}, " "))
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
