package syntax

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// ownFile stands for the name of a file in what readLines says of it.
const ownFile = "."

// ReadLines returns the lines of a Go file that its //line directives give other
// places, token by token: a directive can stand in the middle of a line. Which
// file and package it is of is left open.
func ReadLines(data []byte) (lines manifest.Lines) {
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

// receiver returns the type of a receiver as the compiler names it: (*API), Map of a Map[K, V].
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

// LinesOf returns lines as those of a file in a package.
func LinesOf(lines manifest.Lines, file, pkg string) manifest.Lines {
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i].Package, lines[i].Real.File = pkg, file
		if lines[i].Said.File == ownFile {
			lines[i].Said.File = file
		}
	}
	return lines
}
