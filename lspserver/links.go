package lspserver

import (
	"cmp"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
)

// links are the names of files and directories that symbolic links lead to, by
// real path: first the one that the server uses, which is one that the go command
// knows. What has one name only is not in it.
type links map[string][]string

// names returns the names of a file, given by its real path.
func (l links) names(real string) []string {
	out := slices.Clone(l[real])
	for _, dir := range l[filepath.Dir(real)] {
		if name := filepath.Join(dir, filepath.Base(real)); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		return []string{real}
	}
	return out
}

// rename gives the documents the names that the sessions know.
func (s *Server) rename() {
	now := links{}
	dirs := map[string]bool{}
	sessions := s.allSessions()
	for _, f := range sessions {
		f.mu.Lock()
		maps.Copy(dirs, f.dirs)
		for real, names := range f.links {
			now[real] = append(now[real], names...)
		}
		f.mu.Unlock()
	}
	for real, names := range now {
		if dirs[real] || dirs[filepath.Dir(real)] {
			names = append([]string{real}, names...)
		} else {
			names = append(slices.Clone(names), real)
		}
		now[real] = unique(names)
	}
	if !s.docs.rename(now) {
		return
	}
	for _, f := range sessions {
		f.urgent.Store(true)
		f.changed()
	}
}

// rename replaces the names, and reports whether a document has others now.
func (d *documents) rename(now links) (changed bool) {
	if reflect.DeepEqual(d.all().links, now) {
		return false
	}
	d.update(func(set *documentSet) {
		old := set.byPath
		set.byPath, set.links = map[string]*Document{}, now
		docs := slices.SortedFunc(maps.Values(set.byURI), func(a, b *Document) int {
			// Of two of one file, the last is the one whose text counts.
			aCounts, bCounts := old[a.Path] == a, old[b.Path] == b
			if aCounts != bCounts {
				if bCounts {
					return -1
				}
				return 1
			}
			return cmp.Compare(b.URI, a.URI)
		})
		for _, doc := range docs {
			set.put(doc)
		}
		changed = !maps.EqualFunc(old, set.byPath, func(a, b *Document) bool { return a.Path == b.Path })
	})
	return changed
}

// unique returns names without those that were there before.
func unique(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
