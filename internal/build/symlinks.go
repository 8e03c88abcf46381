package build

import (
	"path/filepath"
	"slices"
)

// linksTo returns the sources that are links to a file.
func (s *Snapshot) linksTo(file string) []string {
	var out []string
	for path, src := range s.sources {
		if slices.Contains(src.Targets, file) {
			out = append(out, path)
		}
	}
	return out
}

// Links returns the other names of what the go command reached through symbolic
// links: of local source files that are one, and of package directories that are
// one or are in one, both by real path.
func (s *Snapshot) Links() map[string][]string {
	out := map[string][]string{}
	for path, src := range s.sources {
		if n := len(src.Targets); n > 0 {
			out[src.Targets[n-1]] = append(out[src.Targets[n-1]], path)
		}
	}
	for _, p := range s.graph.Packages {
		if !p.Local() {
			continue
		}
		if real, err := filepath.EvalSymlinks(p.Dir); err == nil && real != p.Dir {
			out[real] = append(out[real], p.Dir)
		}
	}
	for _, names := range out {
		slices.Sort(names)
	}
	return out
}

// aliases returns files with the names of the links that lead to them, sorted.
func (s *Snapshot) aliases(files []string) []string {
	out := slices.Clone(files)
	for _, f := range files {
		out = append(out, s.linksTo(f)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
