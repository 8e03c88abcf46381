package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/plural"
	"github.com/anvilforge/anvil-lsp/internal/build"
)

// Boundary says which packages of the workspace are hot.
type Boundary struct {
	Main     string        `json:"main"`     // import path of the program
	Handlers string        `json:"handlers"` // import path of the handlers package
	Module   string        `json:"module"`   // that the program belongs to
	Hot      []string      `json:"hot"`      // import paths, sorted
	Host     []HostPackage `json:"host"`     // sorted by import path

	// imports are the packages above, with those of them that each imports, sorted.
	imports map[string][]string
}

// HostPackage is a package of the workspace whose edit takes a restart.
type HostPackage struct {
	Path string `json:"path"`
	// Chain is the import chain from the program to the package, both included, that does not pass
	// through the handlers package; empty if Native is the reason, or if only hot code imports a
	// package that is outside of the workspace.
	Chain []string `json:"chain,omitempty"`
	// Native is the package with cgo, assembly or linkname that keeps this one, itself or below it,
	// from being built again.
	Native string `json:"native,omitempty"`
}

func boundary(s *build.Snapshot) *Boundary {
	b := &Boundary{Main: s.Main(), Handlers: s.Handlers(), Hot: s.Hot(), Host: []HostPackage{}}
	if b.Hot == nil {
		b.Hot = []string{}
	}
	if p := s.Package(b.Main); p != nil && p.Module != nil {
		b.Module = p.Module.Path
	}
	for _, p := range s.Host() {
		r := s.Reason(p.Path)
		b.Host = append(b.Host, HostPackage{Path: p.Path, Chain: r.Chain, Native: r.Native})
	}
	b.imports = map[string][]string{}
	for _, path := range b.Hot {
		b.imports[path] = nil
	}
	for _, h := range b.Host {
		b.imports[h.Path] = nil
	}
	for path := range b.imports {
		p := s.Package(path)
		if p == nil {
			continue
		}
		for _, to := range slices.Sorted(slices.Values(p.Imports)) {
			if _, ours := b.imports[to]; ours {
				b.imports[path] = append(b.imports[path], to)
			}
		}
	}
	return b
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// manyHost is the number of host packages, besides the program, from which on advice is worth a
// hint.
const manyHost = 3

// hints say what would make more packages hot.
func hints(b *Boundary) []string {
	var out []string
	native := map[string]int{}
	for _, h := range b.Host {
		if h.Native != "" {
			native[h.Native]++
		}
	}
	for _, p := range slices.Sorted(maps.Keys(native)) {
		hint := fmt.Sprintf("%s uses cgo, assembly or linkname, so it cannot be replaced while the program runs", b.short(p))
		if n := native[p] - 1; n > 0 {
			hint += fmt.Sprintf(", and neither can the %s that it imports", plural.Of(n, "package"))
		}
		if p == b.Handlers {
			hint += "; it is the handlers package: move that part into its own package: all handlers become hot"
		}
		out = append(out, hint)
	}
	switch host := len(b.Host) - 1; { // without the program itself
	case len(b.Hot) == 0 && len(native) == 0:
		out = append(out, "nothing is hot: every edit restarts the program")
	case host >= manyHost:
		out = append(out, b.advise()...)
	}
	return out
}

// short returns an import path without that of the module.
func (b *Boundary) short(path string) string {
	if path == b.Module {
		return path[strings.LastIndex(path, "/")+1:]
	}
	return strings.TrimPrefix(path, b.Module+"/")
}
