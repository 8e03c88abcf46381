package build

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// ownFile stands for the name of a file in what readLines says of it.
const ownFile = "."

// readLines returns the lines of a Go file that its //line directives give other
// places, token by token: a directive can stand in the middle of a line. Which
// file and package it is of is left open.
func readLines(data []byte) (lines manifest.Lines) {
	if !bytes.Contains(data, []byte("//line ")) && !bytes.Contains(data, []byte("/*line ")) {
		return nil
	}
	fset := token.NewFileSet()
	file, _ := parser.ParseFile(fset, ownFile, data, parser.SkipObjectResolution)
	tokens := token.NewFileSet()
	var sc scanner.Scanner
	f := tokens.AddFile(ownFile, -1, len(data))
	sc.Init(f, data, nil, 0)
	for tok := token.ILLEGAL; tok != token.EOF; { // where the compiler may miss something, too
		var pos token.Pos
		var text string
		pos, tok, text = sc.Scan()
		if tok == token.SEMICOLON && text == "\n" { // not written, and after the function
			continue
		}
		said, is := f.PositionFor(pos, true), f.PositionFor(pos, false)
		if tok == token.EOF && bytes.HasSuffix(data, []byte("\n")) { // for the compiler that is one line more
			said.Line++
			is.Line++
		}
		if said.Filename == is.Filename && said.Line == is.Line || said.Line < 1 {
			continue
		}
		if said.Filename == "" { // the compiler then does not know
			said.Filename = "??"
		}
		run := manifest.LineRun{
			Function: functionAt(file, is.Offset), Count: 1,
			Said: manifest.Position{File: said.Filename, Line: said.Line}, Real: manifest.Position{Line: is.Line},
		}
		if n := len(lines); n > 0 && extends(lines[n-1], run) {
			lines[n-1].Count = max(lines[n-1].Count, run.Said.Line-lines[n-1].Said.Line+1)
		} else {
			lines = append(lines, run)
		}
	}
	return lines
}

// extends reports whether a run goes on with a line.
func extends(run, line manifest.LineRun) bool {
	return run.Function == line.Function && run.Said.File == line.Said.File && line.Said.Line >= run.Said.Line &&
		line.Said.Line-run.Said.Line == line.Real.Line-run.Real.Line
}

// functionAt returns the function around an offset in a file, by the name that
// the compiler gives it without the package's.
func functionAt(file *ast.File, offset int) string {
	if file == nil {
		return ""
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || offset < int(f.Pos()-file.FileStart) || offset >= int(f.End()-file.FileStart) {
			continue
		}
		if f.Recv == nil || len(f.Recv.List) == 0 {
			return f.Name.Name
		}
		return receiver(f.Recv.List[0].Type) + "." + f.Name.Name
	}
	return ""
}

// receiver returns the type of a receiver as the compiler names it: (*API), Map
// of a Map[K, V].
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.ParenExpr:
		return receiver(t.X)
	case *ast.StarExpr:
		return "(*" + receiver(t.X) + ")"
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// linesOf returns lines as those of a file in a package.
func linesOf(lines manifest.Lines, file, pkg string) manifest.Lines {
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i].Package, lines[i].Real.File = pkg, file
		if lines[i].Said.File == ownFile {
			lines[i].Said.File = file
		}
	}
	return lines
}

// lines returns what the //line directives of the local packages do, as the
// snapshot has their files.
func (s *Snapshot) lines() manifest.Lines {
	var out manifest.Lines
	for _, path := range s.graph.Order {
		p := s.graph.Packages[path]
		if !p.Local() {
			continue
		}
		name := path
		if p.Name == "main" {
			name = p.Name
		}
		for _, file := range slices.Concat(p.GoFiles, p.CgoFiles) {
			file = filepath.Join(p.Dir, file)
			out = append(out, linesOf(s.sources[file].lines, file, name)...)
		}
	}
	return out
}

// tellLines puts what //line directives do beside the plugin or executable that
// was made of the code, for whoever runs it.
func tellLines(s *Snapshot, image string) error {
	lines := s.lines()
	if len(lines) == 0 {
		return nil
	}
	data, err := json.Marshal(lines)
	if err != nil {
		return fmt.Errorf("writing lines: %w", err)
	}
	if err := os.WriteFile(control.LinesPath(image), data, 0o666); err != nil {
		return gocmd.WriteError(err)
	}
	return nil
}

// existing replaces places that the compiler has from //line directives by the
// lines of the package's files that it means, unless it names a file of the user's
// that Go code was generated from: whoever wrote that mends it there.
func (b *Builder) existing(found []manifest.Diagnostic, files []string) []manifest.Diagnostic {
	var sources regular.Sources
	var lines manifest.Lines // of all files, once there is a need
	read := false
	for i, d := range found {
		if d.File == "" || moduleFile(d.File) || slices.Contains(files, d.File) && d.Column > 0 { // directives seldom have columns
			continue
		}
		if !read {
			read = true
			sources = Sources(b.cfg.Dir)
			for _, file := range files {
				if filepath.Ext(file) != ".go" {
					continue
				}
				if data, err := regular.Read(file, regular.MaxSource); err == nil {
					lines = append(lines, linesOf(readLines(data), file, "")...)
				}
			}
		}
		if filepath.Ext(d.File) != ".go" && sources.Hold(d.File) {
			continue
		}
		if at, ok := lines.Directed(d.Position); ok {
			found[i].Position = at
		}
	}
	return found
}

// existingIn is existing for what the go command says of any package.
func (b *Builder) existingIn(g *Graph, err error) error {
	if f, ok := errors.AsType[*gocmd.Failure](err); ok {
		var files []string
		for _, path := range g.Order {
			if p := g.Packages[path]; p.Local() {
				files = append(files, p.inputs()...)
			}
		}
		f.Diagnostics = b.existing(f.Diagnostics, files)
	}
	return err
}
