// Package routers finds the registrations of programs that do not use the runtime: the calls of
// routers of chi and net/http, and the functions that hold them.
package routers

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
)

// Statement is a call in the source that registers a route, or a group of them, at a router of chi
// or net/http.
type Statement struct {
	Position manifest.Position
	Call     string // the name of the method
	Outcome  Outcome
	Reason   string   // of what was given up
	Routes   []string // method, pattern and handler of what it registers, as far as that is known
}

// Outcome says how far a [Statement] was followed.
type Outcome string

const (
	Followed    Outcome = "followed"
	Conditional Outcome = "followed, under a condition that is not known"
	GivenUp     Outcome = "given up"
	Unreached   Outcome = "not reached"
)

// Outcomes are all of them, the best first.
func Outcomes() []Outcome { return []Outcome{Followed, Conditional, GivenUp, Unreached} }

func (o Outcome) Rank() int { return slices.Index(Outcomes(), o) }

// IsPackage reports whether a package declares the routers that a survey knows.
func IsPackage(p *types.Package) bool {
	return p.Path() == "net/http" || p.Path() == "github.com/go-chi/chi/v5" || p.Path() == "github.com/go-chi/chi"
}

// IsRouter reports whether t is a router of chi or net/http.
func IsRouter(t types.Type) bool { return routerType(t) != "" }

// routerType returns the name of the router that t is, or points to; empty if it is none.
func routerType(t types.Type) string {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || !IsPackage(named.Obj().Pkg()) {
		return ""
	}
	name, chi := named.Obj().Name(), named.Obj().Pkg().Path() != "net/http"
	if chi && (name == "Router" || name == "Mux") || name == "ServeMux" {
		return name
	}
	return ""
}

// CallName returns the name of what a function does at a router, empty for any other function.
func CallName(fn *types.Func) string {
	if fn == nil || fn.Pkg() == nil || !IsPackage(fn.Pkg()) {
		return ""
	}
	recv := routerType(gotypes.RecvType(fn))
	if fn.Signature().Recv() != nil && recv == "" {
		return ""
	}
	name := fn.Name()
	switch {
	case fn.Pkg().Path() == "net/http":
		if name == "Handle" || name == "HandleFunc" || recv == "" && name == "NewServeMux" {
			return name
		}
	case recv != "" || name == "NewRouter" || name == "NewMux":
		return name
	}
	return ""
}

// Registers reports whether a call of that name registers something.
func Registers(name string) bool {
	switch name {
	case "", "NewRouter", "NewMux", "NewServeMux", "Use", "With", "Routes", "Match", "Middlewares", "ServeHTTP", "Find",
		"NotFoundHandler", "MethodNotAllowedHandler":
		return false
	}
	return true
}

func routerCallAt(c *load.Unit, call *ast.CallExpr) (string, token.Pos) {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return "", token.NoPos
	}
	fn, _ := c.Info.Uses[sel.Sel].(*types.Func)
	return CallName(fn), sel.Sel.Pos()
}

// Statements lists the calls of packages that register something.
func Statements(s *load.Snapshot) []Statement {
	var all []Statement
	for _, c := range s.Hot {
		for _, f := range c.Files {
			ast.Inspect(f.Syntax, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if name, pos := routerCallAt(c, call); Registers(name) {
						all = append(all, Statement{Position: s.Position(pos), Call: name, Outcome: Unreached})
					}
				}
				return true
			})
		}
	}
	slices.SortFunc(all, func(a, b Statement) int { return a.Position.Compare(b.Position) })
	return all
}

// Root is a function from which registration is followed.
type Root struct {
	Obj        *types.Func
	Decl       *ast.FuncDecl
	Unit       *load.Unit
	Statements []token.Pos // in its body, function literals included
	rank       int
}

// Roots returns the functions that hold registrations, those that make a router before those that
// get one, these before others, and main at last.
func Roots(s *load.Snapshot) []*Root {
	var all []*Root
	for _, c := range s.Hot {
		for obj, d := range c.Decls {
			sig := obj.Signature()
			generic := sig.TypeParams().Len() > 0 || sig.RecvTypeParams().Len() > 0
			if d.Body == nil || d.Name.Name == "init" && d.Recv == nil || generic {
				continue
			}
			r := &Root{Obj: obj, Decl: d, Unit: c, rank: 3}
			for v := range sig.Params().Variables() {
				if IsRouter(v.Type()) {
					r.rank = 2
				}
			}
			ast.Inspect(d.Body, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					switch name, pos := routerCallAt(c, call); {
					case Registers(name):
						r.Statements = append(r.Statements, pos)
					case name == "NewRouter" || name == "NewMux" || name == "NewServeMux":
						r.rank = 1
					}
				}
				return true
			})
			if c.Types.Name() == "main" && d.Name.Name == "main" && d.Recv == nil {
				r.rank, r.Statements = 4, nil
			}
			if r.rank == 4 || len(r.Statements) > 0 {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Root) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), s.Position(a.Obj.Pos()).Compare(s.Position(b.Obj.Pos())))
	})
	return all
}
