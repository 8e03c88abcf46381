package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/build"
)

// Boundary says which packages of the workspace are hot.
type Boundary struct {
	Main     string        `json:"main"`     // import path of the program
	Handlers string        `json:"handlers"` // import path of the handlers package
	Module   string        `json:"module"`   // that the program belongs to
	Hot      []string      `json:"hot"`      // import paths, sorted
	Host     []HostPackage `json:"host"`     // sorted by import path
}

// HostPackage is a package of the workspace whose edit takes a restart.
type HostPackage struct {
	Path string `json:"path"`
	// Chain is the import chain from the program to the package, both included,
	// that does not pass through the handlers package; empty if Native is the
	// reason, or if only hot code imports a package that is outside of the workspace.
	Chain []string `json:"chain,omitempty"`
	// Native is the package with cgo, assembly or linkname that keeps this one,
	// itself or below it, from being built anew.
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
	return b
}

// manyHost is the number of host packages, besides the program, from which on
// their share is worth a hint.
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
			hint += fmt.Sprintf(", and neither can the %s that it imports", count(n, "package"))
		}
		if p == b.Handlers {
			hint += "; it is the handlers package: move that part into a package of its own that main imports, and every handler becomes hot"
		}
		out = append(out, hint)
	}
	by, most := b.heaviest()
	switch host := len(b.Host) - 1; { // without the program itself
	case len(b.Hot) == 0 && len(native) == 0:
		out = append(out, "nothing is hot: every edit restarts the program")
	case host >= manyHost && host > len(b.Hot) && by != "":
		out = append(out, fmt.Sprintf("more packages are host (%d) than hot (%d); %s are so because %s imports %s: "+
			"if what main needs of it moves into a smaller package, for example an interface or a constructor, the rest becomes hot",
			host, len(b.Hot), count(most, "package"), b.short(b.Main), b.short(by)))
	}
	return out
}

// heaviest returns the import of main that makes most packages host packages,
// and how many.
func (b *Boundary) heaviest() (path string, packages int) {
	through := map[string]int{}
	for _, h := range b.Host {
		if len(h.Chain) > 1 {
			through[h.Chain[1]]++
		}
	}
	for _, p := range slices.Sorted(maps.Keys(through)) {
		if through[p] > packages {
			path, packages = p, through[p]
		}
	}
	return path, packages
}

// short returns an import path without that of the module.
func (b *Boundary) short(path string) string {
	if path == b.Module {
		return path[strings.LastIndex(path, "/")+1:]
	}
	return strings.TrimPrefix(path, b.Module+"/")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
