//go:build linux

package e2e

import (
	"bytes"
	"os"
	"syscall"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// TestEditorSavesInSilence: where the file system sends no event of a save, the
// editor's word is enough, for an engine of its own and for that of a terminal.
func TestEditorSavesInSilence(t *testing.T) {
	for _, attached := range []bool{false, true} {
		dir := harness.CopyApp(t, "hello")
		if attached {
			harness.Start(t, dir)
		}
		e := harness.OpenEditor(t, dir, nil)
		if attached {
			e.Look(func(s *lsptest.State) {
				if !s.Only().Attached {
					t.Error("not attached")
				}
			})
		}
		e.Open("handlers/handlers.go")
		overwrite(t, e.Path("handlers/handlers.go"), "Hello!", "Hullo!")
		e.Notify("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": e.URI("handlers/handlers.go")}})
		e.Await("what was saved", func(s *lsptest.State) bool { return s.Live(2) })
		e.End()
	}
}

// overwrite changes a file through memory, of which no event tells as long as it
// is open.
func overwrite(t *testing.T, path, old, new string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte(old))
	if at < 0 || len(old) != len(new) {
		t.Fatalf("%s has no %q to write %q over", path, old, new)
	}
	copy(data[at:], new)
	if err := syscall.Munmap(data); err != nil {
		t.Fatal(err)
	}
}
