package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/e2e/internal/session"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// A name is one way to read what names a function.
type name struct {
	pkg      string // some of its import path, or its name
	receiver string // without star and type parameters
	function string
}

var (
	typeArguments = regexp.MustCompile(`\[[^][]*\]`)
	functionName  = regexp.MustCompile(`^(?:(?:\(\*?(\w+)\)|(\w+))\.)?(\w+)$`)
)

// parseName returns the ways to read a name such as handlers.(*Server).Index.
// There are several because the last part of an import path can have dots.
func parseName(s string) []name {
	for typeArguments.MatchString(s) { // they can be nested
		s = typeArguments.ReplaceAllString(s, "")
	}
	from := strings.LastIndex(s, "/") + 1
	var names []name
	for i := from; i < len(s); i++ {
		if s[i] != '.' || i == from || strings.ContainsAny(s[from:i], "()") {
			continue
		}
		if m := functionName.FindStringSubmatch(s[i+1:]); m != nil {
			names = append(names, name{pkg: path.Clean(s[:i]), receiver: m[1] + m[2], function: m[3]})
		}
	}
	return names
}

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Name       string
	Dir        string
	GoFiles    []string
	CgoFiles   []string
	Module     *struct{ Main bool }
}

// listPackages returns the packages of the workspace that the program in main
// is built from.
func listPackages(ctx context.Context, dir, main, tags string) ([]listed, error) {
	out, err := session.Output(ctx, dir, "go", "list", "-deps", "-tags="+tags,
		"-json=ImportPath,Name,Dir,GoFiles,CgoFiles,Module", main)
	if err != nil {
		return nil, err
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		if p.Module != nil && p.Module.Main {
			all = append(all, p)
		}
	}
}

// mainPackage is the main package that is meant if none is named: that of the
// directory, or the only one below it that imports the runtime.
func mainPackage(ctx context.Context, dir string) (string, error) {
	out, err := session.Output(ctx, dir, "go", "list", "-e", "-f",
		`{{if eq .Name "main"}}{{range .Imports}}{{if eq . "`+manifest.RuntimePath+`"}}{{$.ImportPath}}{{end}}{{end}}{{end}}`,
		"./...")
	if err != nil {
		return "", err
	}
	switch found := strings.Fields(string(out)); len(found) {
	case 0:
		return "", fmt.Errorf("no main package below %s imports %s; name one with -main", dir, manifest.RuntimePath)
	case 1:
		return found[0], nil
	default:
		return "", fmt.Errorf("%s holds several main packages that import the runtime: %s; name one with -main", dir,
			strings.Join(found, ", "))
	}
}

// lookUp returns the package that is meant: by its import path, the end of it,
// or its name. It returns nil if there is none.
func lookUp(packages []listed, pkg string) (*listed, error) {
	for _, means := range []func(p *listed) bool{
		func(p *listed) bool { return p.ImportPath == pkg },
		func(p *listed) bool { return strings.HasSuffix(p.ImportPath, "/"+pkg) },
		func(p *listed) bool { return p.Name == pkg },
	} {
		var found []string
		var match *listed
		for i := range packages {
			if p := &packages[i]; means(p) {
				match, found = p, append(found, p.ImportPath)
			}
		}
		if len(found) > 1 {
			slices.Sort(found)
			return nil, fmt.Errorf("%s is one of %s: name more of its path", pkg, strings.Join(found, ", "))
		}
		if match != nil {
			return match, nil
		}
	}
	return nil, nil
}

// function is one whose body is edited.
type function struct {
	name   string // as the user gave it
	pkg    listed
	file   string
	offset int // behind the brace that opens its body
}

// findFunction finds what s names.
func findFunction(packages []listed, s string) (function, error) {
	names := parseName(s)
	if len(names) == 0 {
		return function{}, fmt.Errorf("%q names no function: it should be like handlers.Index or handlers.(*Server).Index", s)
	}
	var inPackage string
	for _, n := range names {
		p, err := lookUp(packages, n.pkg)
		if err != nil {
			return function{}, fmt.Errorf("%s: %w", s, err)
		}
		if p == nil {
			continue
		}
		inPackage = p.ImportPath
		for _, file := range append(slices.Clone(p.GoFiles), p.CgoFiles...) {
			file = filepath.Join(p.Dir, file)
			offset, err := findBody(file, nil, n)
			if err != nil {
				return function{}, err
			}
			if offset > 0 {
				return function{name: s, pkg: *p, file: file, offset: offset}, nil
			}
		}
	}
	if inPackage != "" {
		return function{}, fmt.Errorf("%s: package %s has no such function with a body", s, inPackage)
	}
	return function{}, fmt.Errorf("%s: the program has no such package in this workspace", s)
}

// findBody returns the offset behind the brace that opens the function's body,
// or 0 if the file does not have it.
func findBody(file string, content any, n name) (int, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, content, parser.SkipObjectResolution)
	if err != nil {
		return 0, err
	}
	for _, d := range f.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil && d.Name.Name == n.function && receiver(d) == n.receiver {
			return fset.PositionFor(d.Body.Lbrace, false).Offset + 1, nil
		}
	}
	return 0, nil
}

// receiver is the name of the receiver's type, or "".
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	for t := d.Recv.List[0].Type; ; {
		switch u := t.(type) {
		case *ast.StarExpr:
			t = u.X
		case *ast.ParenExpr:
			t = u.X
		case *ast.IndexExpr:
			t = u.X
		case *ast.IndexListExpr:
			t = u.X
		case *ast.Ident:
			return u.Name
		default:
			return ""
		}
	}
}
