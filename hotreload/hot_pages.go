//go:build anvilhot

package hotreload

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mapped is where a plugin is in memory.
type mapped struct {
	// clean mirrors a file and can be dropped: the system reads it again when it is
	// used.
	clean []addresses
	// relocated was written to by the dynamic linker, which then made it read-only:
	// addresses in type descriptors and tables of functions, for the most part.
	relocated []addresses
	// kept can be written to at any time.
	kept []addresses
}

// addresses is a range of memory.
type addresses struct{ from, to uintptr }

var errNotMapped = errors.New("not mapped as its file says")

// findMapped returns where a plugin that was opened is in memory.
func findMapped(path string) (mapped, error) {
	path, err := filepath.EvalSymlinks(path) // as plugin.Open does
	if err != nil {
		return mapped{}, err
	}
	f, err := elf.Open(path)
	if err != nil {
		return mapped{}, err
	}
	defer f.Close()
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return mapped{}, err
	}
	defer maps.Close()
	return parseMapped(maps, path, f)
}

// parseMapped finds the plugin in the text of /proc/PID/maps. The dynamic linker
// maps all segments of a file as far from each other as their addresses are.
func parseMapped(maps io.Reader, path string, f *elf.File) (mapped, error) {
	segments := slices.DeleteFunc(slices.Clone(f.Progs), func(p *elf.Prog) bool { return p.Type != elf.PT_LOAD })
	if flags, _ := f.DynValue(elf.DT_FLAGS); len(segments) == 0 || slices.ContainsFunc(flags, func(v uint64) bool { return elf.DynFlag(v)&elf.DF_TEXTREL != 0 }) {
		return mapped{}, fmt.Errorf("%s: %w", path, errNotMapped) // its code was written to
	}
	page := uintptr(os.Getpagesize())
	down := func(at uint64) uintptr { return uintptr(at) &^ (page - 1) }
	var m mapped
	var base uintptr
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		if !strings.HasSuffix(lines.Text(), " "+path) {
			continue
		}
		var s addresses
		var perm string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &s.from, &s.to, &perm); err != nil {
			return mapped{}, fmt.Errorf("%s: %w: %w", path, errNotMapped, err)
		}
		if len(m.clean)+len(m.relocated)+len(m.kept) == 0 {
			base = s.from - down(segments[0].Vaddr)
		}
		within := func(p *elf.Prog) bool {
			return s.from-base >= down(p.Vaddr) && s.to-base <= down(p.Vaddr+p.Filesz+uint64(page)-1)
		}
		clean := func(p *elf.Prog) bool { return p.Flags&elf.PF_W == 0 && within(p) }
		relocated := func(p *elf.Prog) bool { return p.Flags&elf.PF_W != 0 && within(p) }
		switch {
		case !strings.Contains(perm, "w") && slices.ContainsFunc(segments, clean):
			m.clean = append(m.clean, s)
		case strings.HasPrefix(perm, "r--") && slices.ContainsFunc(segments, relocated):
			m.relocated = append(m.relocated, s)
		default:
			m.kept = append(m.kept, s)
		}
	}
	if len(m.clean) == 0 || len(m.relocated)+len(m.kept) == 0 {
		return mapped{}, fmt.Errorf("%s: %w", path, errNotMapped)
	}
	return m, lines.Err()
}

// size returns how much of the plugin stays in memory, in bytes.
func (m mapped) size() (n int64) {
	for _, s := range slices.Concat(m.relocated, m.kept) {
		n += int64(s.to - s.from)
	}
	return n
}

// unload gives back what it can of a plugin that nobody uses. Its code may still
// run, and finds everything in its place.
func (m *mapped) unload(dir string) {
	m.relocated = slices.DeleteFunc(m.relocated, func(s addresses) bool {
		if err := mirror(s, dir); err != nil {
			return false
		}
		m.clean = append(m.clean, s)
		return true
	})
	drop(m.clean)
}

// letGo unloads every plugin that neither is live nor has requests to answer. It
// does so each time that a generation is over, because the dynamic linker looks at
// all plugins when it loads one.
func (l *loader) letGo() {
	l.tidying.Lock()
	defer l.tidying.Unlock()
	kept := map[string]int64{}
	for path, idle := range l.plugins() {
		m, known := l.mapped[path]
		if !known { // also if it is in use: later its file may be gone
			m, _ = findMapped(path) // nothing is dropped of what is not found
			l.mapped[path] = m
		}
		if !idle {
			continue
		}
		m.unload(filepath.Dir(path))
		l.mapped[path] = m
		if len(m.kept) > 0 {
			kept[path] = m.size()
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
