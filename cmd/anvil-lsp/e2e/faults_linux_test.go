package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// TestDiskFull: a build that finds no room is reported, and the next save after
// room was made goes live.
func TestDiskFull(t *testing.T) {
	dir := harness.CopyApp(t, "hello")
	out := filepath.Join(dir, ".anvil")
	if err := os.Mkdir(out, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", out, "tmpfs", 0, "size=192m"); err != nil {
		t.Skipf("needs the right to mount a small file system: %v", err)
	}
	defer syscall.Unmount(out, syscall.MNT_DETACH)
	s := harness.Start(t, dir)
	filler := filepath.Join(out, "filler")
	fillDisk(t, filler)
	s.Edit("handlers/handlers.go", "package handlers", "// full\npackage handlers")
	ev := s.Wait(control.EventKept)
	if !strings.Contains(ev.Message, "no space left") {
		t.Errorf("full disk: %q %v", ev.Message, ev.Diagnostics)
	}
	s.Get("/time")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.Edit("handlers/handlers.go", "// full", "// room")
	s.Wait(control.EventLive)
	s.Stop()
}

func fillDisk(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
}
