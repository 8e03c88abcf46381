package build

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// embedConfig is what `go tool compile -embedcfg` reads.
type embedConfig struct {
	Patterns map[string][]string // pattern → matching names, slash-separated
	Files    map[string]string   // name → file
}

// newEmbedConfig divides a package's embedded files among its patterns, by the
// rules of package embed.
func newEmbedConfig(p *Package) embedConfig {
	cfg := embedConfig{Patterns: map[string][]string{}, Files: map[string]string{}}
	for _, pattern := range p.EmbedPatterns {
		cfg.Patterns[pattern] = []string{}
		for _, name := range p.EmbedFiles {
			if embedMatches(pattern, name) {
				cfg.Patterns[pattern] = append(cfg.Patterns[pattern], name)
				cfg.Files[name] = filepath.Join(p.Dir, filepath.FromSlash(name))
			}
		}
		slices.Sort(cfg.Patterns[pattern])
	}
	return cfg
}

// embedMatches reports whether an embed pattern takes a file, given by its
// slash-separated name relative to the package. A pattern matches the file
// itself or a directory above it; files below a matched directory are left out
// if an element of their name below it begins with '.' or '_', unless the
// pattern begins with all:.
func embedMatches(pattern, name string) bool {
	pattern, all := strings.CutPrefix(pattern, "all:")
	for prefix := name; ; prefix = path.Dir(prefix) {
		if ok, _ := path.Match(pattern, prefix); ok {
			below := name
			if prefix != "." {
				below = strings.TrimPrefix(strings.TrimPrefix(name, prefix), "/")
			}
			return all || !hidden(below)
		}
		if prefix == "." || prefix == "/" {
			return false
		}
	}
}

// embedLeads reports whether a directory, given by its slash-separated name
// relative to the package, is above what an embed pattern may match.
func embedLeads(pattern, name string) bool {
	elems := strings.Split(strings.TrimPrefix(pattern, "all:"), "/")
	n := strings.Count(name, "/") + 1
	if n >= len(elems) {
		return false
	}
	ok, _ := path.Match(strings.Join(elems[:n], "/"), name)
	return ok
}

func hidden(name string) bool {
	for elem := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(elem, ".") || strings.HasPrefix(elem, "_") {
			return true
		}
	}
	return false
}
