// Package mapped gives back the memory of plugins that nobody uses. Go never unloads a
// plugin, but most of one mirrors its file: the system reads it again when it is used.
package mapped

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

// Memory is where a plugin is in memory.
type Memory struct {
	// clean mirrors a file and can be dropped: the system reads it again when it is
	// used.
	clean []addresses
	// relocated was written to by the dynamic linker, which then made it read-only:
	// addresses in type descriptors and tables of functions, for the most part.
	relocated []addresses
	// writable can be written to at any time.
	writable []addresses
}

// addresses is a range of memory.
type addresses struct{ from, to uintptr }

var errNotMapped = errors.New("not mapped as its file says")

// Find returns where a plugin that was opened is in memory.
func Find(path string) (Memory, error) {
	path, err := filepath.EvalSymlinks(path) // as plugin.Open does
	if err != nil {
		return Memory{}, err
	}
	f, err := elf.Open(path)
	if err != nil {
		return Memory{}, err
	}
	defer f.Close()
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return Memory{}, err
	}
	defer maps.Close()
	return parse(maps, path, f)
}

// parse finds the plugin in the text of /proc/PID/maps. The dynamic linker
// maps all segments of a file as far from each other as their addresses are.
func parse(maps io.Reader, path string, f *elf.File) (Memory, error) {
	segments := slices.DeleteFunc(slices.Clone(f.Progs), func(p *elf.Prog) bool { return p.Type != elf.PT_LOAD })
	flags, _ := f.DynValue(elf.DT_FLAGS)
	textrel := func(v uint64) bool { return elf.DynFlag(v)&elf.DF_TEXTREL != 0 }
	if len(segments) == 0 || slices.ContainsFunc(flags, textrel) {
		return Memory{}, fmt.Errorf("%s: %w", path, errNotMapped) // its code was written to
	}
	page := uintptr(os.Getpagesize())
	down := func(at uint64) uintptr { return uintptr(at) &^ (page - 1) }
	var m Memory
	var base uintptr
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		if !strings.HasSuffix(lines.Text(), " "+path) {
			continue
		}
		var s addresses
		var perm string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &s.from, &s.to, &perm); err != nil {
			return Memory{}, fmt.Errorf("%s: %w: %w", path, errNotMapped, err)
		}
		if len(m.clean)+len(m.relocated)+len(m.writable) == 0 {
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
			m.writable = append(m.writable, s)
		}
	}
	if len(m.clean) == 0 || len(m.relocated)+len(m.writable) == 0 {
		return Memory{}, fmt.Errorf("%s: %w", path, errNotMapped)
	}
	return m, lines.Err()
}

// Size returns how much of the plugin stays in memory, in bytes.
func (m Memory) Size() (n int64) {
	for _, s := range slices.Concat(m.relocated, m.writable) {
		n += int64(s.to - s.from)
	}
	return n
}

// Known reports whether the plugin was found.
func (m Memory) Known() bool { return len(m.writable) > 0 }

// Unload gives back what it can of a plugin that nobody uses. Its code may still
// run, and finds everything in its place.
func (m *Memory) Unload(dir string) {
	m.relocated = slices.DeleteFunc(m.relocated, func(s addresses) bool {
		if err := mirror(s, dir); err != nil {
			return false
		}
		m.clean = append(m.clean, s)
		return true
	})
	drop(m.clean)
}
