package thin

import (
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// archivedTypes remembers which type descriptors archives have: each link asks for
// nearly the same ones. It is safe for concurrent use.
type archivedTypes struct {
	mu    sync.Mutex
	types map[archivedType]foundType
}

// archivedType names a type in an archive, as it was when it was read.
type archivedType struct {
	archive, name string
	size          int64
	modified      time.Time
}

type foundType struct {
	descriptor
	ok bool
}

// maxArchivedTypes bounds the memory that is taken: a descriptor has some hundred bytes.
const maxArchivedTypes = 1 << 14

// find returns a type's descriptor from what is remembered, else from the objects of the
// archive. What cannot be read has none this time: it is missed by the linker.
func (a *archivedTypes) find(archive, name string, objects func() []*object) foundType {
	st, err := os.Stat(archive)
	if err != nil {
		return foundType{}
	}
	key := archivedType{archive, name, st.Size(), st.ModTime()}
	a.mu.Lock()
	found, known := a.types[key]
	a.mu.Unlock()
	if known {
		return found
	}
	all := objects()
	if len(all) == 0 {
		return foundType{}
	}
	for _, o := range all {
		if found.descriptor, found.ok = o.describe(name); found.ok {
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.types == nil || len(a.types) >= maxArchivedTypes {
		a.types = map[archivedType]foundType{}
	}
	a.types[key] = found
	return found
}

// archived returns what a stub finds type descriptors with.
func (j *Job) archived(known *archivedTypes) func(name, mentioned string) (descriptor, string, bool) {
	byName := j.byName()
	linked := []string{SymbolPath(j.Path) + "."}
	for path := range j.Archives {
		linked = append(linked, SymbolPath(path)+".")
	}
	read := map[string][]*object{}
	return func(name, mentioned string) (descriptor, string, bool) {
		// What is linked just now no shared package knows.
		if slices.ContainsFunc(linked, func(path string) bool { return mentions(name, path) }) {
			return descriptor{}, "", false
		}
		for _, path := range []string{byName[packageOf(name)], mentioned, "runtime"} {
			if path == "" {
				continue
			}
			found := known.find(j.Shared[path], name, func() []*object {
				if _, done := read[path]; !done {
					read[path], _ = readObjects(j.Shared[path])
				}
				return read[path]
			})
			if found.ok {
				return found.descriptor, path, true
			}
		}
		return descriptor{}, "", false
	}
}

// mentions reports whether the name of a symbol has one of a package in it, whose path
// ends in a dot.
func mentions(name, path string) bool {
	for at := 0; ; at++ {
		next := strings.Index(name[at:], path)
		if next < 0 {
			return false
		}
		if at += next; beginsPath(name, at) {
			return true
		}
	}
}

// byName returns the shared packages by their names in symbols.
func (j *Job) byName() map[string]string {
	out := make(map[string]string, len(j.Shared))
	for path := range j.Shared {
		out[SymbolPath(path)] = path
	}
	return out
}
