package engine

import (
	"path/filepath"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/build"
)

// TestCanSpeculate: nothing is built ahead that leaves out what was saved.
func TestCanSpeculate(t *testing.T) {
	files := func(names ...string) (s fileSet) {
		s.add(names...)
		return s
	}
	a := build.Overlay{"/app/a.go": nil}
	tests := []struct {
		name    string
		change  func(l *loop)
		overlay build.Overlay
		want    bool
	}{
		{"all is live", func(l *loop) {}, a, true},
		{"no file", func(l *loop) {}, nil, false},
		{"nothing was built", func(l *loop) { l.snap = nil }, a, false},
		{"something is being built", func(l *loop) { l.cancel = func() {} }, a, false},
		{"an earlier generation is live", func(l *loop) { l.rolledBack = true }, a, false},
		{"the file was saved and kept", func(l *loop) { l.changed = files("/app/a.go") }, a, true},
		{"another file was saved and kept", func(l *loop) { l.changed = files("/app/a.go", "/app/b.go") }, a, false},
		{"another file is held", func(l *loop) { l.arrived = files("/app/b.go") }, a, false},
		{"any file may have changed", func(l *loop) { l.changed.all = true }, a, false},
		{"what was kept is live now", func(l *loop) { l.changed = files() }, a, true},
	}
	for _, tt := range tests {
		l := &loop{snap: &build.Snapshot{}}
		tt.change(l)
		if got := l.canSpeculate(tt.overlay); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestOnBattery(t *testing.T) {
	dir := t.TempDir()
	supply := func(name, kind, online string) {
		writeFile(t, kind+"\n", filepath.Join(dir, name, "type"))
		writeFile(t, online+"\n", filepath.Join(dir, name, "online"))
	}
	if onBattery(dir) || onBattery(filepath.Join(dir, "none")) {
		t.Error("a system that tells nothing is on battery")
	}
	supply("BAT0", "Battery", "1")
	if onBattery(dir) {
		t.Error("a battery alone says nothing about the mains")
	}
	supply("AC", "Mains", "0")
	if !onBattery(dir) {
		t.Error("the mains are not connected, and it is not on battery")
	}
	supply("AC1", "Mains", "1")
	if onBattery(dir) {
		t.Error("one of two mains supplies is connected, and it is on battery")
	}
}
