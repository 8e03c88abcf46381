//go:build anvilhot

package hotreload

import (
	"path/filepath"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/mapped"
)

// unloadIdle unloads every plugin that neither is live nor has requests to answer. It
// does so each time that a generation is over, because the dynamic linker looks at
// all plugins when it loads one.
func (l *loader) unloadIdle() {
	l.tidying.Lock()
	defer l.tidying.Unlock()
	kept := map[string]int64{}
	for path, idle := range l.plugins() {
		m, known := l.mapped[path]
		if !known { // also if it is in use: later its file may be gone
			m, _ = mapped.Find(path) // nothing is dropped of what is not found
			l.mapped[path] = m
		}
		if !idle {
			continue
		}
		m.Unload(filepath.Dir(path))
		l.mapped[path] = m
		if m.Known() {
			kept[path] = m.Size()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.history {
		if size, ok := kept[h.plugin]; ok {
			h.memory = size
		}
	}
}

// plugins returns the plugins that are opened, and whether nobody uses them.
func (l *loader) plugins() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	idle := make(map[string]bool, len(l.opened))
	for path := range l.opened {
		idle[path] = true
	}
	for _, h := range l.history {
		if _, ok := idle[h.plugin]; ok && slices.ContainsFunc(h.lives, func(g *generation) bool { return !g.isOver() }) {
			idle[h.plugin] = false
		}
	}
	return idle
}
