package syntax

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// decl is one top-level declaration of a file: what it says, with and without its body.
type decl struct {
	key       string // kind and name; methods with their receiver
	name      string // as a person calls it
	line, col int    // of the name
	generic   bool   // a function of type parameters, its own or its receiver's
	signature Sum    // all but a function's body
	whole     Sum
	own       Sum // what it says itself: whole, but for constants
	lines     []lineSum
}

// lineSum is one line of a declaration that says something.
type lineSum struct {
	line, col int
	sum       uint64
}

// sumLines digests the lines of a declaration that begins at a place, to find the
// one that was edited. Blank lines and lines of comment are left out.
func sumLines(line, col int, text []byte) []lineSum {
	var out []lineSum
	for raw := range bytes.Lines(text) {
		said := bytes.TrimSpace(raw)
		if len(said) > 0 && !bytes.HasPrefix(said, []byte("//")) {
			h := fnv.New64a()
			h.Write(said)
			out = append(out, lineSum{line, col + bytes.Index(raw, said), h.Sum64()})
		}
		line, col = line+1, 1
	}
	return out
}

// edited returns the place in a declaration of the first line that was edited; of
// the line before, if lines are gone.
func (d decl) edited(was decl) (line, col int) {
	line, col = d.line, d.col
	for i, l := range d.lines {
		if i == len(was.lines) || l.sum != was.lines[i].sum {
			if i+1 < len(d.lines) || i == 0 { // else a line before the closing brace is gone
				line, col = l.line, l.col
			}
			break
		}
		line, col = l.line, l.col
	}
	if len(was.lines) == 0 || len(d.lines) == 0 || line == d.lines[0].line {
		return d.line, d.col
	}
	return line, col
}

func (d decl) imports() bool { return strings.HasPrefix(d.key, token.IMPORT.String()+" ") }

// readDecls digests the declarations of a Go file, as far as it parses.
func readDecls(fset *token.FileSet, f *ast.File, data []byte) []decl {
	if f == nil {
		return nil
	}
	file := fset.File(f.FileStart)
	text := func(from, to token.Pos) []byte {
		if file == nil || !from.IsValid() || !to.IsValid() || to < from {
			return nil
		}
		start, end := file.Offset(from), file.Offset(to)
		return data[min(start, len(data)):min(end, len(data))]
	}
	var out []decl
	add := func(kind, name string, from, at token.Pos, own, whole, signature []byte) {
		pos := fset.PositionFor(at, false)
		d := decl{key: kind + " " + name, name: name, line: pos.Line, col: pos.Column}
		d.whole, _ = digestTokens(whole)
		d.signature, _ = digestTokens(signature)
		if d.own = d.whole; kind == token.CONST.String() {
			d.own, _ = digestTokens(own)
		}
		if at := fset.PositionFor(from, false); kind != token.CONST.String() {
			d.lines = sumLines(at.Line, at.Column, whole)
		}
		out = append(out, d)
	}
	for _, node := range f.Decls {
		switch node := node.(type) {
		case *ast.FuncDecl:
			whole := text(node.Pos(), node.End())
			signature := whole
			if node.Body != nil {
				signature = text(node.Pos(), node.Body.Pos())
			}
			add("func", funcName(node), node.Pos(), node.Name.Pos(), whole, whole, signature)
			out[len(out)-1].generic = generic(node)
		case *ast.GenDecl:
			for _, spec := range node.Specs {
				// A constant may depend on the ones before it (iota, implied
				// expressions), so a const group counts as a whole.
				own := text(spec.Pos(), spec.End())
				whole := own
				if node.Tok == token.CONST {
					whole = text(node.Pos(), node.End())
				}
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					add("type", spec.Name.Name, spec.Pos(), spec.Name.Pos(), own, whole, whole)
				case *ast.ValueSpec:
					for _, id := range spec.Names {
						add(node.Tok.String(), id.Name, spec.Pos(), id.Pos(), own, whole, whole)
					}
				case *ast.ImportSpec:
					add("import", spec.Path.Value, spec.Pos(), spec.Pos(), own, whole, whole)
				}
			}
		}
	}
	// Two declarations may share a name: init, the blank identifier.
	seen := map[string]int{}
	for i := range out {
		seen[out[i].key]++
		if n := seen[out[i].key]; n > 1 {
			out[i].key += fmt.Sprintf("#%d", n)
		}
	}
	return out
}

// generic reports whether a function has type parameters, its own or those of its receiver.
func generic(f *ast.FuncDecl) bool {
	found := f.Type.TypeParams != nil
	if f.Recv != nil {
		ast.Inspect(f.Recv, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.IndexExpr, *ast.IndexListExpr:
				found = true
			}
			return !found
		})
	}
	return found
}

// funcName returns T.m for a method.
func funcName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	if r := strings.Trim(receiver(f.Recv.List[0].Type), "(*)"); r != "" {
		return r + "." + f.Name.Name
	}
	return f.Name.Name
}

// declsByKey returns the declarations of a Go file.
func (s File) declsByKey() map[string]decl {
	out := make(map[string]decl, len(s.decls))
	for _, d := range s.decls {
		out[d.key] = d
	}
	return out
}

// Declared returns the declarations of a Go file by kind and name, in order, but for
// imports and what another file can declare, too: init and the blank identifier.
func (s File) Declared() []string {
	var out []string
	for _, d := range s.decls {
		if !d.imports() && !strings.HasPrefix(d.key, "func init") && d.name != "_" {
			out = append(out, d.key)
		}
	}
	return out
}

// EditedBodies returns the functions whose bodies differ between two texts of a
// file. It reports false if anything else does, or one of them is generic.
func EditedBodies(was, now File) (names []string, ok bool) {
	if was.Opaque || now.Opaque || len(was.decls) != len(now.decls) {
		return nil, false
	}
	before := was.declsByKey()
	for _, d := range now.decls {
		old, had := before[d.key]
		switch {
		case !had || old.signature != d.signature:
			return nil, false
		case old.whole == d.whole:
		case d.generic:
			return nil, false
		default:
			names = append(names, d.name)
		}
	}
	return names, true
}

// MovedFunctions returns the functions of a file that have other lines than in an
// earlier text of it, those that initialise its variables included.
func MovedFunctions(was, now File) []string {
	var names []string
	before := was.declsByKey()
	for _, d := range now.decls {
		if old := before[d.key]; slices.Equal(old.lines, d.lines) {
			continue
		}
		switch kind, _, _ := strings.Cut(d.key, " "); kind {
		case "func":
			names = append(names, d.name)
		case token.VAR.String(): // it may hold function literals
			names = append(names, "init", "glob")
		}
	}
	return names
}

// change is how a Go file differs from an earlier version of it.
type change struct {
	Pos      manifest.Position // the first line that differs of the first declaration that does, in the new text
	Name     string            // of that declaration
	bodyOnly bool              // nothing but function bodies differs
	gone     bool              // it is in the old text only; the position is that of its group, if any
}

// CompareDecls finds the first declaration in which a file differs, or else one that is gone. A
// constant of which only the group differs is named if there is no other.
func CompareDecls(path string, was, now File) change {
	before := was.declsByKey()
	c := change{Pos: manifest.Position{File: path}, bodyOnly: true}
	certain := false
	differs := func(d, old decl, own, bodyOnly bool) {
		c.bodyOnly = c.bodyOnly && bodyOnly
		if c.Name == "" || own && !certain {
			c.Name, certain = d.name, own
			c.Pos.Line, c.Pos.Column = d.edited(old)
		}
	}
	for _, d := range now.decls {
		old, ok := before[d.key]
		delete(before, d.key)
		if !ok || old.whole != d.whole {
			differs(d, old, !ok || old.own != d.own, ok && old.signature == d.signature)
		}
	}
	for _, d := range was.decls {
		if _, left := before[d.key]; !left {
			continue
		}
		c.bodyOnly = false
		if !certain {
			c.Name, c.gone, certain = d.name, true, true
		}
	}
	return c
}

// String says what differs.
func (c change) String() string {
	switch {
	case c.Name == "":
		return ""
	case c.gone:
		return c.Name + " was removed"
	case c.bodyOnly:
		return "the body of " + c.Name + " changed"
	default:
		return c.Name + " changed"
	}
}

// In says what differs in a package, in few words.
func (c change) In(pkg string) string {
	if c.gone {
		return c.Name + " was removed from " + pkg
	}
	return c.Name + " in " + pkg + " changed"
}

// Edit is a declaration in which the code differs from what is live. What was
// removed has no place, and is none.
type Edit struct {
	Name     string            // as a person calls it: T.m for a method
	Position manifest.Position // of the name
}

// Edits returns the declarations in which a file differs from an earlier text of it,
// sorted by line.
func Edits(path string, was, now File) []Edit {
	before := make(map[string]Sum, len(was.decls))
	for _, d := range was.decls {
		before[d.key] = d.own
	}
	var out []Edit
	for _, d := range now.decls {
		if own, ok := before[d.key]; d.imports() || ok && own == d.own {
			continue
		}
		out = append(out, Edit{Name: d.name, Position: manifest.Position{File: path, Line: d.line, Column: d.col}})
	}
	slices.SortStableFunc(out, func(a, b Edit) int { return a.Position.Line - b.Position.Line })
	return out
}
