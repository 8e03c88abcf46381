package build

import (
	"slices"
	"sync"

	"github.com/anvilforge/anvil-lsp/internal/build/thin"
)

// image is a file that the live server has loaded.
type image struct {
	path  string
	needs []*image // must be loaded before it, besides the executable
	// packages are the import paths of the hot packages in it. It is of use to
	// later plugins as long as one of them is; for ever, if whole.
	packages []string
	brought  []string // those of other packages that no earlier image had
	full     bool     // a plugin that was linked fully: it may have brought any
	whole    bool
	open     func() (*thin.Image, error)
}

func newImage(path string) *image {
	open := sync.OnceValues(func() (*thin.Image, error) { return thin.OpenImage(path) })
	return &image{path: path, whole: true, open: open}
}

// imported returns the images with packages that some packages import. That may be for
// their initialisation alone, of which no symbol tells.
func (s *Snapshot) imported(packages []string) map[*image]bool {
	needs := map[*image]bool{}
	for _, im := range s.images {
		needs[im] = im.full
	}
	for _, path := range packages {
		for _, imp := range s.graph.Packages[path].Imports {
			if c, ok := s.compiled[imp]; ok && s.hot(imp) {
				imp = c.path
			}
			for _, im := range s.images {
				if slices.Contains(im.packages, imp) || slices.Contains(im.brought, imp) {
					needs[im] = true
				}
			}
		}
	}
	return needs
}

// order returns the plugins that must be loaded before this one, in the order in which they were.
func (im *image) order() []string {
	var out []string
	for _, need := range im.needs {
		for _, path := range append(need.order(), need.path) {
			if !slices.Contains(out, path) {
				out = append(out, path)
			}
		}
	}
	return out
}

// useful returns the images that plugins may need: not those of which every
// package was compiled again.
func (s *Snapshot) useful() []*image {
	current := map[string]bool{}
	for _, c := range s.compiled {
		current[c.path] = true
	}
	return slices.DeleteFunc(slices.Clone(s.images), func(im *image) bool {
		return !im.whole && !slices.ContainsFunc(im.packages, func(p string) bool { return current[p] })
	})
}
