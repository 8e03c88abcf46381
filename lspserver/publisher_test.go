package lspserver

import (
	"path/filepath"
	"testing"
	"testing/synctest"
)

// shares has a session own the files of a directory that it is not in.
func (f *session) shares(dir string) { f.dirs = map[string]bool{dir: true} }

// TestPublishShared: what two applications say of a package that they share is
// shown once.
func TestPublishShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		x, y := d.session("x"), d.session("y")
		file := filepath.Join(t.TempDir(), "handlers", "handlers.go")
		for _, f := range []*session{x, y} {
			f.outlook = &oracle{}
			f.shares(filepath.Dir(file))
		}
		d.open(file, "package handlers\n\nvar a = "+mark+"\nvar b = "+mark+"\n")
		x.predict()
		y.predict()
		synctest.Wait()
		if p := d.published(file); len(p.Diagnostics) != 2 {
			t.Errorf("%d are shown, want 2: %+v", len(p.Diagnostics), p.Diagnostics)
		}
		// Only one of them goes on saying it.
		y.end()
		synctest.Wait()
		if p := d.published(file); len(p.Diagnostics) != 2 {
			t.Errorf("%d are shown when one has ended, want 2: %+v", len(p.Diagnostics), p.Diagnostics)
		}
	})
}
