package lspserver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/lspserver/trust"
)

const (
	mainText     = "package main\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc main() { hotreload.LiveServer(nil, hotreload.Options{}) }\n"
	handlersText = "package h\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc AnvilRegisterRoutes(r *hotreload.RouteSink) {}\n"
)

// delegating is a main that reaches the handlers.
const delegating = "package main\n\nimport (\n\t_ \"m/h\"\n\n\t\"github.com/anvilforge/anvil-lsp/hotreload\"\n)\n\nfunc main() { hotreload.LiveServer(nil, hotreload.Options{}) }\n"

// alone is a desk of an editor that has no folder open, and a directory with
// modules. Nobody trusts them, so that no session does anything.
func alone(t *testing.T, answers map[string]string) (d *desk, q *questions, root string) {
	d, q = untold(t, nil, answers)
	root = view.RealPath(t.TempDir())
	for name, text := range map[string]string{
		"app/go.mod": "module m\n", "app/cmd/web/main.go": delegating, "app/h/h.go": handlersText, "app/h/two.go": "package h\n", "app/none/n.go": "package none\n",
		"next/go.mod": "module m\n", "next/main.go": delegating, "next/h/h.go": handlersText,
		"other/go.mod": "module other\n", "other/o.go": "package other\n", "other/deep/d.go": "package deep\n",
		"half/go.mod": "module half\n", "half/h/h.go": handlersText, "half/k/k.go": "package k\n",
		"loose/l.go": handlersText,
		"std/go.mod": "module std\n", "std/main.go": mainText, "std/h/h.go": handlersText,
		"m@v1.0.0/go.mod": "module m\n", "m@v1.0.0/main.go": mainText, "m@v1.0.0/h/h.go": handlersText,
		"notes/go.mod": "module notes\n", "notes/n.txt": "AnvilRegisterRoutes\n",
	} {
		d.write(filepath.Join(root, name), text)
	}
	d.s.mu.Lock()
	d.s.ready = true
	d.s.mu.Unlock()
	return d, q, root
}

// applications returns the directories of all sessions, seen from root.
func (d *desk) applications(root string) string {
	var out []string
	for _, f := range d.s.allSessions() {
		rel, _ := filepath.Rel(root, f.dir)
		out = append(out, rel)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestDocumentsAlone: a document that is in no folder has its application found,
// once, and whoever opens one that has none is told once.
func TestDocumentsAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		folder string // that the editor has open
		open   []string
		want   string
		asked  string // about which directories
		shown  int    // messages
		logged string // the ends of the directories in the log's lines about no application
	}{
		"the handlers":                       {open: []string{"app/h/h.go"}, want: "app", asked: "app"},
		"main":                               {open: []string{"app/cmd/web/main.go"}, want: "app", asked: "app"},
		"two of one application":             {open: []string{"app/h/two.go", "app/h/h.go", "app/cmd/web/main.go"}, want: "app", asked: "app"},
		"two applications":                   {open: []string{"app/h/h.go", "next/main.go"}, want: "app next", asked: "app next"},
		"what the application does not have": {open: []string{"app/none/n.go"}, shown: 1},
		"then what it has":                   {open: []string{"app/none/n.go", "app/h/h.go"}, want: "app", asked: "app", shown: 1},
		"half an application":                {open: []string{"half/h/h.go", "half/k/k.go", "half/h/h.go"}, shown: 1},
		"nothing to do with it":              {open: []string{"other/o.go", "other/deep/d.go", "other/o.go"}, logged: "other"},
		"first the one below":                {open: []string{"other/deep/d.go", "other/o.go"}, logged: "deep"},
		"in no module":                       {open: []string{"loose/l.go"}},
		"the standard library":               {open: []string{"std/h/h.go"}},
		"the module cache":                   {open: []string{"m@v1.0.0/h/h.go"}},
		"no Go file":                         {open: []string{"notes/n.txt"}},
		"beside an application":              {folder: "next", open: []string{"app/h/h.go"}, want: "next", asked: "next"},
		"beside a folder without one":        {folder: "other", open: []string{"app/h/h.go"}, want: "app", asked: "app"},
		"in the folder":                      {folder: "app", open: []string{"app/h/h.go"}, want: "app", asked: "app"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, q, root := alone(t, nil)
				d.client.answer = func(m string, p json.RawMessage) string { q.answer(m, p); return sayNotNow }
				if tt.folder != "" {
					d.s.addFolder(protocol.WorkspaceFolder{URI: uri.File(filepath.Join(root, tt.folder))})
					d.s.discover()
				}
				for _, file := range tt.open {
					path := filepath.Join(root, file)
					text, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					// Not written anew, which a search might see half way.
					didOpen(d.s, &protocol.DidOpenTextDocumentParams{TextDocument: protocol.TextDocumentItem{URI: uri.File(path), Version: 1, Text: string(text)}})
				}
				synctest.Wait()
				if got := d.applications(root); got != tt.want {
					t.Errorf("sessions of %q, want %q", got, tt.want)
				}
				asked := strings.Fields(q.told())
				slices.Sort(asked)
				if got := strings.Join(asked, " "); got != tt.asked {
					t.Errorf("asked about %q, want %q", got, tt.asked)
				}
				shown := 0
				for _, m := range d.client.all(protocol.MethodWindowShowMessage) {
					if strings.Contains(string(m.Params), "no application was found") {
						shown++
					}
				}
				var logged []string
				for _, m := range d.client.all(protocol.MethodWindowLogMessage) {
					if _, about, ok := strings.Cut(string(m.Params), "no application was found in "); ok {
						dir, _, _ := strings.Cut(about, ":")
						logged = append(logged, filepath.Base(dir))
					}
				}
				if got := strings.Join(logged, " "); shown != tt.shown || got != tt.logged {
					t.Errorf("%d messages, and logged about %q; want %d and %q", shown, got, tt.shown, tt.logged)
				}
				for _, dir := range []string{"app", "next"} {
					if _, err := os.Lstat(filepath.Join(root, dir, ".anvil")); err == nil {
						t.Errorf("%s was written to before anybody trusts it", dir)
					}
				}
			})
		})
	}
}

// TestTrustOfOneOfTwo: of two applications in a folder one was trusted before. When
// the user trusts the other, too, both are there.
func TestTrustOfOneOfTwo(t *testing.T) {
	t.Setenv("PATH", "") // there is no go command: what is trusted gets no further
	synctest.Test(t, func(t *testing.T) {
		d, q, root := alone(t, map[string]string{"shop": sayRun})
		settings := view.DefaultSettings()
		settings.AutoStart = false
		d.s.settings.Store(&settings)
		shop := filepath.Join(root, "shop")
		for _, name := range []string{"one", "two"} {
			d.write(filepath.Join(shop, name, "go.mod"), "module m\n")
			d.write(filepath.Join(shop, name, "main.go"), delegating)
			d.write(filepath.Join(shop, name, "h", "h.go"), handlersText)
		}
		if err := d.s.trust.store.Set(filepath.Join(shop, "one"), trust.Run); err != nil {
			t.Fatal(err)
		}
		d.s.addFolder(protocol.WorkspaceFolder{URI: uri.File(shop)})
		d.s.discover()
		synctest.Wait()
		if got := q.told(); got != "shop" {
			t.Errorf("asked about %q", got)
		}
		if got := d.applications(shop); got != "one two" {
			t.Errorf("sessions of %q", got)
		}
		for _, f := range d.s.allSessions() {
			if !f.trusted.Load() {
				t.Errorf("%s is not trusted", f.dir)
			}
		}
	})
}
