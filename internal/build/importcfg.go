package build

import (
	"fmt"
	"strings"
)

// importConfig returns the importcfg for compiling a package: the archive of every
// other package under the path that it is compiled under, and the way there from the
// path in the source.
func importConfig(s *Snapshot, now map[string]compiled, compiling string) string {
	var b strings.Builder
	for _, path := range s.graph.Order {
		if archive, ok := s.archives[path]; ok && !s.hot(path) {
			fmt.Fprintf(&b, "packagefile %s=%s\n", path, archive)
		}
		c, ok := now[path]
		switch {
		case !ok || path == compiling:
		case c.plain != "":
			fmt.Fprintf(&b, "packagefile %s=%s\n", path, c.plain)
		default:
			if c.path != path {
				fmt.Fprintf(&b, "importmap %s=%s\n", path, c.path)
			}
			fmt.Fprintf(&b, "packagefile %s=%s\n", c.path, c.archive)
		}
	}
	return b.String()
}

// linkConfig returns the importcfg for linking: the archive of every package under
// the path that it has in the process.
func linkConfig(s *Snapshot) string {
	var b strings.Builder
	for _, path := range s.graph.Order {
		if archive, ok := s.archives[path]; ok && !s.hot(path) {
			fmt.Fprintf(&b, "packagefile %s=%s\n", path, archive)
		}
		if c, ok := s.compiled[path]; ok {
			fmt.Fprintf(&b, "packagefile %s=%s\n", c.path, c.archive)
		}
	}
	return b.String()
}
