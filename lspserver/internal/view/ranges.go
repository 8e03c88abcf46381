package view

import (
	"go/ast"
	"go/parser"
	"go/token"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
)

// Ranges finds ranges in one file, which it parses once, if need be.
type Ranges struct {
	Mapper *text.Mapper
	fset   *token.FileSet
	file   *ast.File
	done   bool
}

func NewRanges(m *text.Mapper) *Ranges { return &Ranges{Mapper: m} }

// At returns the range of what stands at a position: the largest expression or
// list of parameters that begins there, on its first line; the line where no
// column is known; the beginning of the file where no line is.
func (pl *Ranges) At(p manifest.Position) protocol.Range {
	m := pl.Mapper
	from := m.GoOffset(p.Line, p.Column)
	switch {
	case p.Line == 0:
		return m.Range(0, m.LineEnd(0))
	case p.Column == 0:
		return m.Range(from, m.LineEnd(from))
	}
	to := min(pl.end(from), m.LineEnd(from))
	if to <= from {
		to = wordEnd(m.Text(), from)
	}
	return m.Range(from, to)
}

// Parse returns the file, as far as it parses; nil if nothing of it does.
func (pl *Ranges) Parse() (*ast.File, *token.File) {
	if !pl.done {
		pl.done, pl.fset = true, token.NewFileSet()
		pl.file, _ = parser.ParseFile(pl.fset, "", append([]byte{}, pl.Mapper.Text()...), parser.SkipObjectResolution)
	}
	if pl.file == nil {
		return nil, nil
	}
	return pl.file, pl.fset.File(pl.file.FileStart)
}

// Span returns the range of a node.
func (pl *Ranges) Span(n ast.Node) protocol.Range {
	_, tf := pl.Parse()
	return pl.Mapper.Range(tf.Offset(n.Pos()), tf.Offset(n.End()))
}

// Call returns the innermost call whose function's name or opening parenthesis
// stands at a position, as positions of registrations do; nil if there is none.
// Without a column it is the first of the line.
func (pl *Ranges) Call(p manifest.Position) *ast.CallExpr {
	file, tf := pl.Parse()
	if tf == nil || p.Line < 1 {
		return nil
	}
	var found *ast.CallExpr
	ast.Inspect(file, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok || found != nil {
			return found == nil
		}
		for _, at := range []token.Pos{c.Lparen, NameOf(c)} {
			line, column := pl.Mapper.GoPosition(tf.Offset(at))
			if line == p.Line && (column == p.Column || p.Column == 0) {
				found = c
			}
		}
		return found == nil
	})
	return found
}

// NameOf returns where the name of the called function is.
func NameOf(c *ast.CallExpr) token.Pos {
	switch f := ast.Unparen(c.Fun).(type) {
	case *ast.SelectorExpr:
		return f.Sel.Pos()
	case *ast.IndexExpr:
		return NameOf(&ast.CallExpr{Fun: f.X})
	case *ast.IndexListExpr:
		return NameOf(&ast.CallExpr{Fun: f.X})
	}
	return c.Fun.Pos()
}

// end returns where the node that begins at an offset ends; 0 if none does.
func (pl *Ranges) end(from int) int {
	file, tf := pl.Parse()
	if tf == nil || from > tf.Size() {
		return 0
	}
	pos := tf.Pos(from)
	var end token.Pos
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil || n.Pos() > pos || n.End() <= pos {
			return false
		}
		if end.IsValid() {
			return false // the outermost counts
		}
		if n.Pos() != pos {
			return true
		}
		switch n := n.(type) {
		case *ast.FuncDecl, *ast.FuncType, *ast.GenDecl, ast.Stmt, *ast.File, *ast.ValueSpec, *ast.TypeSpec, *ast.Field:
			return true
		case *ast.FieldList:
			end = n.End()
		case ast.Expr:
			end = n.End()
		case *ast.ImportSpec:
			end = n.End()
		}
		return true
	})
	if !end.IsValid() {
		return 0
	}
	return tf.Offset(end)
}

// wordEnd returns the end of the word at an offset, which has at least one byte
// if the text goes on there.
func wordEnd(t []byte, from int) int {
	to := from
	for to < len(t) && (t[to] == '_' || t[to] >= '0' && t[to] <= '9' ||
		t[to]|0x20 >= 'a' && t[to]|0x20 <= 'z' || t[to] >= 0x80) {
		to++
	}
	if to == from && to < len(t) && t[to] != '\n' && t[to] != '\r' {
		to++
	}
	return to
}
