package lspserver

import (
	"os"
	"path/filepath"
	"testing"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// TestDocumentsOfOneFile: a file that is open under two names, one of them
// through a link, is open until both are closed.
func TestDocumentsOfOneFile(t *testing.T) {
	d := newDesk(t)
	f := d.session("app")
	f.predictor = &oracle{}
	real, link := filepath.Join(f.dir, "one.go"), filepath.Join(t.TempDir(), "link", "one.go")
	if err := os.Symlink(f.dir, filepath.Dir(link)); err != nil {
		t.Fatal(err)
	}
	d.open(real, "package p\n")
	d.edit(real, "package p // "+mark+"\n")
	d.open(link, "package p\n")
	if got := d.s.docs.Latest().ByPath[real]; got == nil || got.URI != uri.File(link) {
		t.Fatalf("the newest is %+v", got)
	}
	closes := func(path string) *view.Document {
		didClose(d.s, &protocol.DidCloseTextDocumentParams{TextDocument: protocol.TextDocumentIdentifier{URI: uri.File(path)}})
		return d.s.docs.Latest().ByPath[real]
	}
	if got := closes(link); got == nil || got.URI != uri.File(real) || !got.Dirty() {
		t.Errorf("after one is closed there is %+v", got)
	}
	f.predict()
	if fc := f.view().Prediction; len(fc.Diagnostics) != 1 {
		t.Errorf("what is not saved is left out: %+v", fc.Diagnostics)
	}
	if got := closes(real); got != nil {
		t.Errorf("after both are closed there is %+v", got)
	}
}

func TestPathOf(t *testing.T) {
	for u, want := range map[uri.URI]string{
		"file:///tmp/a%20b%28c%29/x.go": "/tmp/a b(c)/x.go",
		"file:///tmp/100%25/x.go":       "/tmp/100%/x.go",
		"file:///tmp/100%/x.go":         "/tmp/100%/x.go",
		"file:///tmp/日/x y.go":          "/tmp/日/x y.go",
		"file:/tmp/x.go":                "/tmp/x.go",
		"FILE:///tmp/./y/../x.go":       "/tmp/x.go",
		"file://localhost/tmp/x%20y.go": "/tmp/x y.go",
		"file://LocalHost/tmp/x.go":     "/tmp/x.go",
		"file:///localhost/x.go":        "/localhost/x.go",
		"untitled:/tmp/x.go":            "",
		"git:///tmp/x.go":               "",
		"file:":                         "",
		"":                              "",
	} {
		if got := view.PathOf(u); got != want {
			t.Errorf("%s is %q, want %q", u, got, want)
		}
	}
}

// TestRealPath: a file may be opened before the directory that it will be in is
// made, in a workspace that is reached through a link.
func TestRealPath(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(link)
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range []string{"", "x.go", "new/x.go", "new/er/x.go"} {
		if got, want := view.RealPath(filepath.Join(link, rest)), filepath.Join(real, rest); got != want {
			t.Errorf("%s is %s, want %s", rest, got, want)
		}
	}
}
