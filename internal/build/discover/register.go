package discover

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
)

// Handlers finds the handlers package in a graph.
func Handlers(g *golist.Graph) (string, error) {
	var found []string
	for _, path := range g.Order {
		if p := g.Packages[path]; p.Workspace() && p != g.Main {
			if _, ok := FindRegister(p); ok {
				found = append(found, path)
			}
		}
	}
	if len(found) > 1 { // more than one: main decides by importing it
		found = slices.DeleteFunc(found, func(p string) bool { return !slices.Contains(g.Main.Imports, p) })
	}
	if len(found) == 1 {
		return found[0], nil
	}
	// A file that does not parse hides its imports.
	if ds := syntaxFaults(g); len(ds) > 0 {
		return "", gocmd.Fail(ds...)
	}
	pos := golist.MainPosition(g)
	if len(found) == 0 {
		return "", gocmd.Fail(manifest.Diagnose(manifest.CodeRegister, pos,
			"no package that %s imports exports func %s(r *hotreload.RouteSink)", g.Main.ImportPath, manifest.RegisterName))
	}
	return "", gocmd.Fail(manifest.Diagnose(manifest.CodeRegister, pos,
		"%s imports several packages that export %s: %s", g.Main.ImportPath, manifest.RegisterName,
		strings.Join(found, ", ")))
}

// syntaxFaults returns the syntax errors in the files of local packages. The go
// command reads a file only as far as its imports.
func syntaxFaults(g *golist.Graph) []manifest.Diagnostic {
	var out []manifest.Diagnostic
	for _, path := range g.Order {
		p := g.Packages[path]
		if !p.Local() || p.Vendored() {
			continue
		}
		for _, name := range p.SourceFiles() {
			fset := token.NewFileSet()
			data, err := os.ReadFile(name)
			if err != nil {
				continue
			}
			// What is wrong stands in this file, whatever a //line directive says.
			data = lineDirective.ReplaceAll(data, []byte("${1}LINE "))
			_, err = parser.ParseFile(fset, name, data, parser.SkipObjectResolution)
			list, _ := errors.AsType[scanner.ErrorList](err)
			for _, e := range list {
				pos := manifest.Position{File: name, Line: e.Pos.Line, Column: e.Pos.Column}
				out = append(out, manifest.Diagnose(manifest.CodeCompile, pos, "%s", e.Msg))
			}
		}
	}
	return out
}

// lineDirective matches what begins a directive that gives lines other positions.
var lineDirective = regexp.MustCompile(`(/[/*])line `)

// FindRegister returns where a package declares AnvilRegisterRoutes.
func FindRegister(p *golist.Package) (manifest.Position, bool) {
	for _, name := range p.SourceFiles() {
		data, err := regular.Read(name, regular.MaxSource)
		if err != nil || !bytes.Contains(data, []byte(manifest.RegisterName)) {
			continue
		}
		fset := token.NewFileSet()
		f, _ := parser.ParseFile(fset, name, data, parser.SkipObjectResolution)
		if f == nil {
			continue
		}
		for _, d := range f.Decls {
			if pos := declares(d, manifest.RegisterName); pos.IsValid() {
				at := fset.PositionFor(pos, false) // a //line directive names another file
				return manifest.Position{File: name, Line: at.Line, Column: at.Column}, true
			}
		}
	}
	return manifest.Position{}, false
}

// declares returns the position of a name that a top-level declaration makes:
// a function, or a variable of function type.
func declares(d ast.Decl, name string) token.Pos {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Name.Name == name {
			return d.Name.Pos()
		}
	case *ast.GenDecl:
		if d.Tok != token.VAR {
			return token.NoPos
		}
		for _, spec := range d.Specs {
			for _, id := range spec.(*ast.ValueSpec).Names {
				if id.Name == name {
					return id.Pos()
				}
			}
		}
	}
	return token.NoPos
}
