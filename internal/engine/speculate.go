package engine

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/build"
)

// Speculate receives the contents of all files that are open and not saved, by absolute path: all
// of them each time. The engine builds ahead what a save would load, so that the save only has to
// load it. It loads nothing by itself, and builds one thing at a time: the newest. It does nothing
// while something else is being built, on battery, or with a single processor. It never blocks.
func (e *Engine) Speculate(overlay map[string][]byte) {
	if e.opts.NoSpeculation || runtime.GOMAXPROCS(0) < 2 || onBattery("/sys/class/power_supply") {
		return
	}
	for {
		select {
		case e.speculations <- overlay:
			return
		default:
		}
		select {
		case <-e.speculations: // older
		default:
		}
	}
}

// speculate builds ahead if the loop has nothing better to do.
func (l *loop) speculate(ctx context.Context, overlay build.Overlay) {
	if l.canSpeculate(overlay) {
		l.e.builder.Speculate(ctx, l.snap, l.generation, overlay)
	}
}

// canSpeculate reports whether the files are all in which the next save can differ from what is
// live. Those that were saved and are not live, because they were kept, held or asked about, are
// part of that save.
func (l *loop) canSpeculate(overlay build.Overlay) bool {
	if l.cancel != nil || l.snap == nil || l.gaveUp || l.rolledBack || len(overlay) == 0 {
		return false
	}
	for _, s := range []fileSet{l.changed, l.arrived} {
		if s.all {
			return false
		}
		for file := range s.files {
			if _, ok := overlay[file]; !ok {
				return false
			}
		}
	}
	return true
}

// onBattery reports whether the system says that it has a mains supply, and that it is not
// connected (see power_supply in the kernel's documentation).
func onBattery(dir string) bool {
	supplies, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	read := func(supply, name string) string {
		data, err := os.ReadFile(filepath.Join(dir, supply, name))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(data))
	}
	battery := false
	for _, s := range supplies {
		if read(s.Name(), "type") != "Mains" {
			continue
		}
		if read(s.Name(), "online") == "1" {
			return false
		}
		battery = true
	}
	return battery
}
