package view

import (
	"cmp"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
)

// Links are the names of files and directories that symbolic links lead to, by
// real path: first the one that the server uses, which is one that the go command
// knows. What has one name only is not in it.
type Links map[string][]string

// Names returns the names of a file, given by its real path.
func (l Links) Names(real string) []string {
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

// SetLinks replaces the names, and reports whether a document has others now.
func (d *Documents) SetLinks(now Links) (changed bool) {
	if reflect.DeepEqual(d.Latest().Links, now) {
		return false
	}
	d.Update(func(set *DocumentSet) {
		old := set.ByPath
		set.ByPath, set.Links = map[string]*Document{}, now
		docs := slices.SortedFunc(maps.Values(set.ByURI), func(a, b *Document) int {
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
			set.Put(doc)
		}
		changed = !maps.EqualFunc(old, set.ByPath, func(a, b *Document) bool { return a.Path == b.Path })
	})
	return changed
}

// Unique returns names without those that were there before.
func Unique(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
