package golist

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// TestOldRuntime: a program that takes the runtime from a checkout as it used to
// be is told what to change.
func TestOldRuntime(t *testing.T) {
	const (
		handlers = "-- handlers/h.go --\npackage handlers\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc AnvilRegisterRoutes(r *hotreload.RouteSink) {}\n"
		tool     = "github.com/anvilforge/anvil-lsp"
		program  = "-- main.go --\npackage main\n\nimport \"example.com/hello/handlers\"" + "\n\nimport \"" + manifest.RuntimePath + "\"\n\nfunc main() { hotreload.LiveServer(nil, hotreload.Options{Register: handlers.AnvilRegisterRoutes}) }\n"
	)
	checkouts := map[string]string{
		"as it is":         "-- anvil/go.mod --\nmodule " + tool + "\n\ngo 1.26\n\nrequire " + manifest.RuntimePath + " v0.0.0\n\nreplace " + manifest.RuntimePath + " => ./hotreload\n",
		"without packages": "-- anvil/go.mod --\nmodule " + tool + "\n\ngo 1.26\n",
	}
	for name, checkout := range checkouts {
		for replaced, want := range map[string]string{"./anvil": "./anvil/hotreload", "ABSOLUTE": "ABSOLUTE/hotreload"} {
			t.Run(name+" "+replaced, func(t *testing.T) {
				dir := t.TempDir()
				replaced, want := strings.ReplaceAll(replaced, "ABSOLUTE", dir+"/anvil"), strings.ReplaceAll(want, "ABSOLUTE", dir+"/anvil")
				files, err := txtar.FS(txtar.Parse([]byte("-- go.mod --\nmodule example.com/hello\n\ngo 1.26\n\nrequire " + tool + " v0.0.0\n\nreplace " + tool + " => " + replaced + "\n" +
					handlers + program + checkout + "-- anvil/hotreload/go.mod --\nmodule " + manifest.RuntimePath + "\n\ngo 1.26\n-- anvil/hotreload/h.go --\npackage hotreload\n")))
				if err := errors.Join(err, os.CopyFS(dir, files)); err != nil {
					t.Fatal(err)
				}
				_, err = moduleIn(t, dir).Graph(t.Context(), ".")
				f, ok := errors.AsType[*gocmd.Failure](err)
				if !ok {
					t.Fatalf("error %v", err)
				}
				d := f.Diagnostics[0]
				if at := (manifest.Position{File: filepath.Join(dir, "go.mod"), Line: 7}); d.Position != at || d.Code != manifest.CodeModuleChanged ||
					!strings.Contains(d.Message, "-replace "+manifest.RuntimePath+"="+want+"`") {
					t.Errorf("%+v", f.Diagnostics)
				}
			})
		}
	}
}
