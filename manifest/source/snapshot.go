package source

import (
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// snapshot is a program as it was loaded.
type snapshot struct {
	program Program
	fset    *token.FileSet
	units   []*checked // in the order of the program
	hot     []*checked // those of them that are hot
	host    []*checked // the others, dependencies first
	// cycle says that packages import each other.
	cycle bool
	// faults are about the loader, not about the code.
	faults []manifest.Diagnostic

	archives *archives
	byTypes  map[*types.Package]*checked
	source   map[*token.File]bool // files of units
}

// snapshot returns what was loaded.
func (run *loading) snapshot() *snapshot {
	s := &snapshot{
		program: run.prog, fset: run.fset, cycle: run.cycle, faults: run.faults,
		archives: run.archives, byTypes: map[*types.Package]*checked{}, source: map[*token.File]bool{},
	}
	for i := range run.prog.Packages {
		c := run.done[run.prog.Packages[i].ImportPath]
		if c == nil {
			continue
		}
		s.units = append(s.units, c)
		s.byTypes[c.types] = c
		for _, f := range c.files {
			s.source[s.fset.File(f.file.FileStart)] = true
		}
		if c.spec.Hot {
			s.hot = append(s.hot, c)
		}
	}
	s.host = s.inOrder()
	return s
}

// inOrder returns the host packages, dependencies first.
func (s *snapshot) inOrder() []*checked {
	var order []*checked
	seen := map[*checked]bool{}
	var visit func(c *checked)
	visit = func(c *checked) {
		if c == nil || c.spec.Hot || seen[c] || c.types == nil {
			return
		}
		seen[c] = true
		for _, imp := range c.types.Imports() {
			visit(s.byTypes[imp])
		}
		order = append(order, c)
	}
	for _, c := range s.units {
		visit(c)
	}
	return order
}

// unit returns the unit of a package, nil if it is not checked from source.
func (s *snapshot) unit(pkg *types.Package) *checked { return s.byTypes[pkg] }

// handlers returns the handlers package; nil if it cannot be checked.
func (s *snapshot) handlers() *checked {
	for _, c := range s.units {
		if c.spec.ImportPath == s.program.Handlers {
			return c
		}
	}
	return nil
}

// archived returns a package from its archive, or the one that stands for it.
func (s *snapshot) archived(path string) (*types.Package, error) { return s.archives.load(path) }

// complete reports whether everything was checked and is without errors.
func (s *snapshot) complete() bool {
	for _, c := range s.units {
		if c.broken || len(c.missing) > 0 {
			return false
		}
	}
	return len(s.units) == len(s.program.Packages) && len(s.faults) == 0
}

// protect calls fn and turns a panic into a fault of the snapshot.
func (s *snapshot) protect(what string, fn func()) { protect(&s.faults, what, fn) }

// position returns a position as it is in the file, whatever //line says: the file
// that it names often exists only for the generator.
func (s *snapshot) position(pos token.Pos) manifest.Position {
	if !pos.IsValid() {
		return manifest.Position{}
	}
	p := s.fset.PositionFor(pos, false)
	return manifest.Position{File: p.Filename, Line: p.Line, Column: p.Column}
}

// declaration returns the position of something that may come from an archive,
// where columns are not known.
func (s *snapshot) declaration(pos token.Pos) manifest.Position {
	p := s.position(pos)
	if !s.source[s.fset.File(pos)] {
		p.Column = 0
	}
	return p
}
