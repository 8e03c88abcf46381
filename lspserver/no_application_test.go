package lspserver

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/application"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// TestNothingIsToldOnce: somebody who opens a Go file of a folder without an
// application is told why there is none, once, and nobody else is.
func TestNothingIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		dir := view.RealPath(t.TempDir())
		d.s.mu.Lock()
		d.s.folders = append(d.s.folders, &workspaceFolder{given: dir, dir: dir, scanned: true, nothing: application.Discovery{Reason: "it has no main", Concerns: true}})
		d.s.mu.Unlock()
		for _, step := range []struct {
			file string
			want int
		}{{"notes.txt", 0}, {"../elsewhere.go", 0}, {"a.go", 1}, {"b/b.go", 1}, {"a.go", 1}} {
			d.open(filepath.Join(dir, step.file), "package p\n")
			synctest.Wait()
			told := d.client.all(protocol.MethodWindowShowMessage)
			if len(told) != step.want {
				t.Errorf("after %s the user was told %d times, want %d", step.file, len(told), step.want)
			}
			for _, m := range told {
				if text := string(m.Params); !strings.Contains(text, "it has no main") || !strings.Contains(text, dir) {
					t.Errorf("told %s", text)
				}
			}
		}
	})
}
