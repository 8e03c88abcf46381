package golist

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestSources: the modules that the user works on, and no others.
func TestSources(t *testing.T) {
	const module = "module example.com/x\n\ngo 1.26\n"
	for _, test := range []struct {
		name, files, dir string
		env              string // GOWORK
		want             []string
	}{
		{name: "no module", files: "-- app/a.go --\n", dir: "app", want: []string{"app"}},
		{name: "a module", files: "-- app/go.mod --\n" + module, dir: "app", want: []string{"app"}},
		{name: "below a module", files: "-- app/go.mod --\n" + module + "-- app/cmd/x/main.go --\n", dir: "app/cmd/x", want: []string{"app", "app/cmd/x"}},
		{name: "replaced", files: "-- app/go.mod --\n" + module + "replace a => ../a\nreplace b => example.com/b v1.2.3\nreplace gone => ./gone\n-- a/go.mod --\n" + module + "replace c => ../c\n-- c/go.mod --\n", dir: "app", want: []string{"a", "app"}},
		{name: "joined", files: "-- go.work --\ngo 1.26\nuse (\n\t./app\n\t./b\n)\n-- app/go.mod --\n" + module + "-- b/go.mod --\nmodule b\nreplace c => ../c\n-- c/go.mod --\nmodule c\n-- d/go.mod --\nmodule d\n", dir: "app", want: []string{"app", "b", "c", "go.work"}},
		{name: "not joined", files: "-- go.work --\ngo 1.26\nuse ./b\n-- app/go.mod --\n" + module + "-- b/go.mod --\nmodule b\n", dir: "app", env: "off", want: []string{"app"}},
		{name: "broken", files: "-- app/go.mod --\nmodule\nreplace\n", dir: "app", want: []string{"app"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("GOWORK", test.env)
			top, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			files, err := txtar.FS(txtar.Parse([]byte(test.files)))
			if err := errors.Join(err, os.CopyFS(top, files)); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, path := range Sources(filepath.Join(top, test.dir)) {
				rel, err := filepath.Rel(top, path)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, rel)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
