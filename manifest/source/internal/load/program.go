// Package load reads and type-checks a program from source, again and again: the packages that can
// have changed from their files or from unsaved buffers, all others from the compiler's archives.
// What did not change since the last load is used again, so a keystroke costs one package and those
// that import it.
//
// Code that does not type-check yields what can be known from the rest.
package load

import "strings"

// Package is a package that is checked from source.
type Package struct {
	ImportPath string
	Name       string
	Dir        string
	// GoFiles are the absolute paths of the files that belong to the package; build constraints are
	// already applied, tests left out.
	GoFiles []string
	// ImportMap maps an import path in the source to that of the package it means, where they
	// differ (vendoring).
	ImportMap map[string]string
	// GoVersion is the language version, as in go.mod: 1.26.
	GoVersion string
	Hot       bool
}

// Program is what a [Loader] loads.
type Program struct {
	Main     string // import path
	Handlers string // import path of the handlers package
	// Packages are those that are checked from source, dependencies first: the hot ones, and host
	// packages that were edited since they were compiled, with the host packages that import these.
	Packages []Package
	// Archives holds the compiler's archive of every other package, by import path.
	Archives map[string]string
	// Sources are other packages of which the source is at hand and says what the archive says, in
	// any order: host packages of the workspace, and dependencies. One is checked from source once
	// registration leads into it.
	Sources []Package
	GOARCH  string
}

// HotPackages returns the import paths of the hot packages.
func (p *Program) HotPackages() []string {
	var paths []string
	for i := range p.Packages {
		if p.Packages[i].Hot {
			paths = append(paths, p.Packages[i].ImportPath)
		}
	}
	return paths
}

// LanguageVersion returns the language version as go/types wants it.
func (p *Package) LanguageVersion() string {
	if p.GoVersion == "" {
		return ""
	}
	return "go" + strings.TrimPrefix(p.GoVersion, "go")
}
