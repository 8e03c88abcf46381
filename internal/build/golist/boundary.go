package golist

import (
	"maps"
	"slices"
	"strings"
)

// Boundary divides the packages of a graph into hot and host packages.
type Boundary struct {
	Main     string
	Handlers string
	hot      map[string]bool
	reason   map[string]Reason // of every package that is not hot
}

// Reason says why a package is a host package.
type Reason struct {
	// Chain is the shortest import path from main to the package, both
	// included. It does not pass through the handlers package, unless Native.
	Chain []string
	// Native is the package at the end of Chain's cause that only the go command can build (cgo,
	// assembly, linkname), empty where it is not that which makes the package a host package.
	Native string
	// Outside: not of the workspace, so never hot, whoever imports it.
	Outside bool
}

// String returns the reason as a person reads it.
func (r Reason) String() string {
	switch {
	case r.Native != "":
		return "uses cgo, assembly or linkname: " + r.Native
	case len(r.Chain) > 0:
		return strings.Join(r.Chain, " → ")
	default:
		return "outside the workspace"
	}
}

// NewBoundary draws the line: host is what main reaches without the handlers package and everything
// outside the workspace; hot is the rest. native reports packages that cannot be compiled under
// another import path; they, and the packages below them, which they import by their own paths, are
// host packages too. So are packages that one outside the workspace imports, and those below them.
func NewBoundary(g *Graph, handlers string, native func(*Package) bool) *Boundary {
	b := &Boundary{Main: g.Main.ImportPath, Handlers: handlers, hot: map[string]bool{}, reason: map[string]Reason{}}
	chains := g.Reach(b.Main, func(p string) bool { return p == handlers })
	for path, chain := range chains {
		b.reason[path] = Reason{Chain: chain, Outside: !g.Packages[path].Workspace()}
	}
	for _, path := range slices.Sorted(maps.Keys(g.Packages)) {
		if _, host := b.reason[path]; host {
			continue
		}
		if !g.Packages[path].Workspace() {
			b.reason[path] = Reason{Outside: true}
			continue
		}
		b.hot[path] = true
	}
	// host makes host packages of a hot one and of those below it.
	host := func(path string, why func(chain []string) Reason) {
		for below, chain := range g.Reach(path, func(string) bool { return false }) {
			if b.hot[below] {
				delete(b.hot, below)
				b.reason[below] = why(chain)
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(b.hot)) {
		if native(g.Packages[path]) {
			host(path, func([]string) Reason { return Reason{Native: path} })
		}
	}
	// A package outside the workspace can import one of it, and was linked with that.
	for _, path := range g.Order {
		if g.Packages[path].Workspace() {
			continue
		}
		for _, imp := range g.Packages[path].Imports {
			if b.hot[imp] {
				host(imp, func(chain []string) Reason { return Reason{Chain: append([]string{path}, chain...)} })
			}
		}
	}
	return b
}

// Reach returns the shortest chain from a package to every package that it
// reaches, itself included, without entering those that stop holds for.
func (g *Graph) Reach(from string, stop func(string) bool) map[string][]string {
	chains := map[string][]string{from: {from}}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := g.Packages[queue[0]]
		for _, imp := range at.Imports {
			if m, ok := at.ImportMap[imp]; ok {
				imp = m
			}
			if _, seen := chains[imp]; seen || stop(imp) || g.Packages[imp] == nil {
				continue
			}
			chains[imp] = append(slices.Clone(chains[queue[0]]), imp)
			queue = append(queue, imp)
		}
	}
	return chains
}

// Hot reports whether a package is hot.
func (b *Boundary) Hot(importPath string) bool { return b.hot[importPath] }

// HotPackages returns the import paths of the hot packages, sorted.
func (b *Boundary) HotPackages() []string { return slices.Sorted(maps.Keys(b.hot)) }

// HostPackages returns the import paths of the host packages that the user can
// edit, sorted; g is the graph that the boundary was drawn on.
func (b *Boundary) HostPackages(g *Graph) []string {
	var out []string
	for path := range b.reason {
		if p := g.Packages[path]; p != nil && p.Workspace() {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// Reason says why a package is not hot; the zero Reason if it is, or is not in the graph.
func (b *Boundary) Reason(importPath string) Reason { return b.reason[importPath] }
