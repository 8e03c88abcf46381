package load

import (
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Snapshot is a program as it was loaded.
type Snapshot struct {
	Program Program
	Fset    *token.FileSet
	Units   []*Unit // in the order of the program
	Hot     []*Unit // those of them that are hot
	Host    []*Unit // the others, dependencies first
	// cycle says that packages import each other.
	cycle bool
	// Faults are about the loader, not about the code.
	Faults []manifest.Diagnostic

	archives *archives
	byTypes  map[*types.Package]*Unit
	source   map[*token.File]bool // files of units
}

// snapshot returns what was loaded.
func (run *loading) snapshot() *Snapshot {
	var units []*Unit
	for i := range run.prog.Packages {
		if u := run.done[run.prog.Packages[i].ImportPath]; u != nil {
			units = append(units, u)
		}
	}
	s := newSnapshot(run.fset, units, run.archives)
	s.Program, s.cycle, s.Faults = run.prog, run.cycle, run.faults
	return s
}

func newSnapshot(fset *token.FileSet, units []*Unit, archives *archives) *Snapshot {
	s := &Snapshot{
		Fset: fset, Units: units, archives: archives,
		byTypes: map[*types.Package]*Unit{}, source: map[*token.File]bool{},
	}
	for _, u := range units {
		s.byTypes[u.Types] = u
		for _, f := range u.Files {
			s.source[fset.File(f.Syntax.FileStart)] = true
		}
		if u.Spec.Hot {
			s.Hot = append(s.Hot, u)
		}
	}
	s.Host = s.inOrder()
	return s
}

// NewSnapshot returns a program that something else has loaded: the units, and the
// packages that are known besides them.
func NewSnapshot(fset *token.FileSet, units []*Unit, besides []*types.Package) *Snapshot {
	archives := newArchives(fset)
	for _, p := range besides {
		archives.adopt(p)
	}
	for _, u := range units {
		archives.adopt(u.Types)
	}
	return newSnapshot(fset, units, archives)
}

// inOrder returns the host packages, dependencies first.
func (s *Snapshot) inOrder() []*Unit {
	var order []*Unit
	seen := map[*Unit]bool{}
	var visit func(c *Unit)
	visit = func(c *Unit) {
		if c == nil || c.Spec.Hot || seen[c] || c.Types == nil {
			return
		}
		seen[c] = true
		for _, imp := range c.Types.Imports() {
			visit(s.byTypes[imp])
		}
		order = append(order, c)
	}
	for _, c := range s.Units {
		visit(c)
	}
	return order
}

// Unit returns the unit of a package, nil if it is not checked from source.
func (s *Snapshot) Unit(pkg *types.Package) *Unit { return s.byTypes[pkg] }

// Handlers returns the handlers package; nil if it cannot be checked.
func (s *Snapshot) Handlers() *Unit {
	for _, c := range s.Units {
		if c.Spec.ImportPath == s.Program.Handlers {
			return c
		}
	}
	return nil
}

// Import returns a package from its archive, or the one that stands for it.
func (s *Snapshot) Import(path string) (*types.Package, error) { return s.archives.load(path) }

// Complete reports whether everything was checked and is without errors.
func (s *Snapshot) Complete() bool {
	for _, c := range s.Units {
		if c.Broken || len(c.Missing) > 0 {
			return false
		}
	}
	return len(s.Units) == len(s.Program.Packages) && len(s.Faults) == 0
}

// Protect calls fn and turns a panic into a fault of the snapshot.
func (s *Snapshot) Protect(what string, fn func()) { protect(&s.Faults, what, fn) }

// Position returns a position as it is in the file, whatever //line says: the file that it names
// often exists only for the generator.
func (s *Snapshot) Position(pos token.Pos) manifest.Position {
	if !pos.IsValid() {
		return manifest.Position{}
	}
	p := s.Fset.PositionFor(pos, false)
	return manifest.Position{File: p.Filename, Line: p.Line, Column: p.Column}
}

// Declaration returns the position of something that may come from an archive, where columns are
// not known.
func (s *Snapshot) Declaration(pos token.Pos) manifest.Position {
	p := s.Position(pos)
	if !s.source[s.Fset.File(pos)] {
		p.Column = 0
	}
	return p
}
