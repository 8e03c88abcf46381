package lspserver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// TestLinkedFiles: a file that the go command reaches through a symbolic link is
// predicted and saved by the name that the go command has, and findings stand
// where the editor has it open.
func TestLinkedFiles(t *testing.T) {
	for _, tt := range []struct {
		name string
		link string // in the application
		to   string
		file string // as the go command names it
		real string
	}{
		{"a file", "handlers/shared.go", "../common/shared.go", "handlers/shared.go", "../common/shared.go"},
		{"a file of another name", "handlers/a.go", "../common/b.go", "handlers/a.go", "../common/b.go"},
		{"a file that the application has beside", "handlers/shared.go", "_shared/shared.go", "handlers/shared.go", "_shared/shared.go"},
		{"a package", "handlers/views", "../ui/views", "handlers/views/v.go", "../ui/views/v.go"},
		{"a directory of packages", "handlers", "../ui", "handlers/views/v.go", "../ui/views/v.go"},
	} {
		for _, opened := range []string{tt.file, tt.real} {
			t.Run(tt.name+", opened as "+opened, inBubble(func(t *testing.T) {
				d := newDesk(t)
				f := d.session("root/app")
				in := func(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }
				d.write(in(tt.real), "package p\n")
				if err := os.MkdirAll(filepath.Dir(in(tt.link)), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(in(tt.to), in(tt.link)); err != nil {
					t.Fatal(err)
				}
				o := &oracle{dirs: []string{filepath.Dir(in(tt.file))}, links: map[string][]string{}}
				if filepath.Dir(in(tt.file)) == view.RealPath(filepath.Dir(in(tt.file))) {
					o.links[in(tt.real)] = []string{in(tt.file)}
				} else {
					o.links[filepath.Dir(in(tt.real))] = []string{filepath.Dir(in(tt.file))}
				}
				l := &puppet{}
				f.connect(l, false, nil, control.Status{})
				f.predictor = o
				d.open(in(opened), "package p\n")
				f.predict() // learns the names
				change := func(version int, now string) {
					d.s.Notify(protocol.MethodTextDocumentDidChange, json.RawMessage(feature.JSON(map[string]any{
						"textDocument":   map[string]any{"uri": uri.File(in(opened)), "version": version},
						"contentChanges": []any{map[string]any{"text": now}},
					})))
				}
				change(2, "package p // "+mark+"\n")
				f.predict()
				if p := published(d, in(opened)); len(p.Diagnostics) != 1 {
					t.Errorf("published %+v", p)
				}
				other := tt.file
				if opened == tt.file {
					other = tt.real
				}
				if ds := published(d, in(other)).Diagnostics; len(ds) != 0 {
					t.Errorf("published for the other name: %+v", ds)
				}
				v := d.s.View()
				doc := v.Document(uri.File(in(opened)))
				if doc.Path != in(tt.file) || v.Folder(doc.Path) == nil || !v.Current(v.Folder(doc.Path), doc) {
					t.Errorf("the document is %q, of %v", doc.Path, v.Folder(doc.Path))
				}
				if got := v.URI(in(tt.file)); got != doc.URI {
					t.Errorf("a position in %s is shown in %s", tt.file, got)
				}
				change(3, "package p\n")
				f.predict()
				if ds := published(d, in(opened)).Diagnostics; len(ds) != 0 {
					t.Errorf("after it was mended there is %+v", ds)
				}
				didSave(d.s, &protocol.DidSaveTextDocumentParams{TextDocument: protocol.TextDocumentIdentifier{URI: doc.URI}})
				if got, want := l.all(), "look at "+filepath.Base(tt.file); !slices.Contains(got, want) {
					t.Errorf("the engine was asked to %q, want %q", got, want)
				}
				didClose(d.s, &protocol.DidCloseTextDocumentParams{TextDocument: protocol.TextDocumentIdentifier{URI: doc.URI}})
				if set := d.s.docs.Latest(); len(set.ByPath)+len(set.ByURI) != 0 {
					t.Errorf("closed, there is %v", set)
				}
			}))
		}
	}
}

// TestLinkedTwice: each application that links to a file predicts it under its
// own name, and one that has the file itself under that.
func TestLinkedTwice(t *testing.T) { inBubble(linkedTwice)(t) }

func linkedTwice(t *testing.T) {
	d := newDesk(t)
	owner, a, b := d.session("owner"), d.session("a"), d.session("b")
	real := filepath.Join(owner.dir, "p", "shared.go")
	owner.predictor = &oracle{dirs: []string{filepath.Dir(real)}}
	for _, f := range []*session{a, b} {
		f.predictor = &oracle{dirs: []string{f.dir}, links: map[string][]string{real: {filepath.Join(f.dir, "s.go")}}}
	}
	d.open(real, "package p // "+mark+"\n")
	for range 2 {
		for _, f := range []*session{owner, a, b} {
			f.predict()
		}
	}
	for _, f := range []*session{owner, a, b} {
		want := filepath.Join(f.dir, "s.go")
		if f == owner {
			want = real
		}
		fc := f.view().Prediction
		if !slices.ContainsFunc(fc.Diagnostics, func(m manifest.Diagnostic) bool { return m.File == want }) || len(fc.Diagnostics) != 1 {
			t.Errorf("of %s: %+v", f.dir, fc.Diagnostics)
		}
	}
	if got := d.s.docs.Latest().ByURI[uri.File(real)].Path; got != real {
		t.Errorf("the document is %s", got)
	}
	if ds := published(d, real).Diagnostics; len(ds) != 1 {
		t.Errorf("published %+v", ds)
	}
	a.end() // and the others keep theirs
	b.predict()
	if ds := published(d, real).Diagnostics; len(ds) != 1 {
		t.Errorf("after one ended, published %+v", ds)
	}
}

func inBubble(test func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) { synctest.Test(t, test) }
}

// published returns what was published last for a file, once all is sent.
func published(d *desk, path string) protocol.PublishDiagnosticsParams {
	synctest.Wait()
	return d.published(path)
}
