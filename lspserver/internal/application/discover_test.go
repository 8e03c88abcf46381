package application

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

const (
	mainText     = "package main\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc main() { hotreload.LiveServer(nil, hotreload.Options{}) }\n"
	handlersText = "package h\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc AnvilRegisterRoutes(r *hotreload.RouteSink) {}\n"
)

// delegating is a main that reaches the handlers.
const delegating = "package main\n\nimport (\n\t_ \"m/h\"\n\n\t\"github.com/anvilforge/anvil-lsp/hotreload\"\n)\n\nfunc main() { hotreload.LiveServer(nil, hotreload.Options{}) }\n"

// appCase is what else there is to say of a case.
type appCase struct {
	open, main string // folder, setting
	concerns   bool   // there is something that uses the runtime
	alone      bool   // it is a document of the folder that is open
}

var uses = appCase{concerns: true}

func TestFindApplications(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string
		appCase
	}{
		{"none", map[string]string{"main.go": "package main\n", "h/h.go": "package h // AnvilRegisterRoutes"}, nil, appCase{}},
		{"no register function", map[string]string{"main.go": mainText}, nil, uses},
		{"no main", map[string]string{"go.mod": "", "h/h.go": handlersText}, nil, uses},
		{"main of a setting", map[string]string{"go.mod": "", "h/h.go": handlersText}, []string{"."}, appCase{main: "./elsewhere", concerns: true}},
		{"only the handlers are open", map[string]string{"go.mod": "module m\n", "cmd/web/main.go": delegating, "h/h.go": handlersText}, []string{"."}, appCase{open: "h", concerns: true}},
		{"only a package of one of two", map[string]string{"go.mod": "module m\n", "cmd/web/main.go": delegating, "cmd/other/main.go": mainText, "h/h.go": handlersText}, []string{"cmd/web"}, appCase{open: "h", concerns: true}},
		{"a module of a go.work", map[string]string{"go.work": "go 1.26\n\nuse ./web\nuse ./h\n", "web/go.mod": "module m\n", "web/main.go": delegating, "h/go.mod": "module m/h\n", "h/h.go": handlersText}, []string{"web"}, appCase{open: "h", concerns: true}},
		{"a folder that has nothing to do with it", map[string]string{"go.mod": "module m\n", "main.go": mainText, "h/h.go": handlersText, "other/o.go": "package other\n"}, nil, appCase{open: "other", concerns: true}},
		{"one", map[string]string{"go.mod": "", "main.go": mainText, "h/h.go": handlersText}, []string{"."}, uses},
		{"main below", map[string]string{"go.mod": "", "cmd/web/main.go": mainText, "h/h.go": handlersText}, []string{"."}, uses},
		{"main below, Go files above", map[string]string{"go.mod": "", "x.go": "package x\n", "cmd/web/main.go": mainText, "h/h.go": handlersText}, []string{"cmd/web"}, uses},
		{"two in a module", map[string]string{"go.mod": "", "cmd/a/main.go": mainText, "cmd/b/main.go": mainText, "h/h.go": handlersText}, []string{"cmd/a", "cmd/b"}, uses},
		{"two modules", map[string]string{"a/go.mod": "", "a/main.go": mainText, "a/h/h.go": handlersText, "b/go.mod": "", "b/main.go": mainText, "b/h/h.go": handlersText}, []string{"a", "b"}, uses},
		{"joined by go.work", map[string]string{"go.work": "", "web/go.mod": "", "web/main.go": mainText, "h/go.mod": "", "h/h.go": handlersText}, []string{"web"}, uses},
		{"what the go command skips", map[string]string{"go.mod": "", "testdata/main.go": mainText, "_x/main.go": mainText, ".y/main.go": mainText, "vendor/z/main.go": mainText, "h/h.go": handlersText}, nil, uses},
		{"a document of the handlers", map[string]string{"go.mod": "module m\n", "cmd/web/main.go": delegating, "h/h.go": handlersText}, []string{"."}, appCase{open: "h", concerns: true, alone: true}},
		{"a document of main", map[string]string{"go.mod": "module m\n", "cmd/web/main.go": delegating, "cmd/other/main.go": delegating, "h/h.go": handlersText}, []string{"cmd/web"}, appCase{open: "cmd/web", concerns: true, alone: true}},
		{"a document of neither of two below", map[string]string{"go.mod": "module m\n", "doc.go": "package m\n", "cmd/a/main.go": delegating, "cmd/b/main.go": delegating, "h/h.go": handlersText}, nil, appCase{concerns: true, alone: true}},
		{"tests", map[string]string{"main_test.go": mainText, "h/h.go": handlersText}, nil, uses},
	} {
		root := t.TempDir()
		testkit.WriteTree(t, root, tt.files)
		var got []string
		settings := view.DefaultSettings()
		settings.Main = tt.main
		found := Find(t.Context(), filepath.Join(root, tt.open), tt.alone, settings, anywhere)
		if (len(found.Dirs) == 0) != (found.Reason != "") || found.Concerns != tt.concerns {
			t.Errorf("%s: %+v", tt.name, found)
		}
		for _, dir := range found.Dirs {
			rel, err := filepath.Rel(root, dir)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rel)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: found %q, want %q", tt.name, got, tt.want)
		}
	}
}

func anywhere(string) bool { return true }

// TestNobodyIsAskedBeforeTrust: a socket that a directory brings is left alone
// until its code may run.
func TestNobodyIsAskedBeforeTrust(t *testing.T) {
	root := view.RealPath(t.TempDir())
	testkit.WriteTree(t, root, map[string]string{"x.go": "package x\n", "go.mod": "", "cmd/web/main.go": mainText, "cmd/web/handlers/h.go": handlersText, "README": ""})
	t.Chdir(root) // the path of a socket is short
	if err := os.Mkdir(engine.OutDir, 0o777); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", engine.SocketPath("."))
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, "{}")
	})}
	go func() { _ = srv.Serve(l) }()
	defer srv.Close()
	nowhere := func(string) bool { return false }
	if got := Find(t.Context(), root, false, view.DefaultSettings(), nowhere).Dirs; !slices.Equal(got, []string{filepath.Join(root, "cmd", "web")}) || asked.Load() != 0 {
		t.Errorf("before trust: %q, asked %d times", got, asked.Load())
	}
	if got := Find(t.Context(), root, false, view.DefaultSettings(), anywhere).Dirs; !slices.Equal(got, []string{root}) || asked.Load() == 0 {
		t.Errorf("after it: %q, asked %d times", got, asked.Load())
	}
}
