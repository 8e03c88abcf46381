package golist

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// assets returns the paths of Config.Assets as the go command names files.
func (l *Lister) assets() []string {
	var out []string
	for _, path := range l.Assets {
		if path == "" { // as an editor leaves a row that was begun
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(l.Dir, path)
		}
		if real, err := filepath.EvalSymlinks(path); err == nil {
			out = append(out, real)
		}
		out = append(out, filepath.Clean(path)) // it may come later
	}
	return out
}

// UnusedAssets returns the test of whether a package embeds a file, and does no more
// with it, and the running program does not use it: it is one of Config.Assets, or the
// code of the package as it is now says so. p may be nil.
func (g *Graph) UnusedAssets(p, now *Package) func(file string) bool {
	if p == nil || len(p.EmbedFiles) == 0 {
		return func(string) bool { return false }
	}
	embeds, compiled := p.Embedded(), p.CompiledFiles()
	byCode := sync.OnceValue(now.unusedAssets)
	return func(file string) bool {
		return embeds[file] && !compiled[file] &&
			(slices.ContainsFunc(g.assets, func(asset string) bool { return paths.Below(file, asset) }) || byCode()(file))
	}
}

// CompiledFiles are those that the compiler, or one for another language, reads.
func (p *Package) CompiledFiles() map[string]bool {
	out := map[string]bool{}
	for _, name := range slices.Concat(p.GoFiles, p.Native(), p.HFiles) {
		out[filepath.Join(p.Dir, name)] = true
	}
	return out
}

// unusedAssets returns the test of whether a package embeds a file and nothing of that
// is used under anvil-lsp: the program reads the file from the disk in development.
// That is so if each variable that embeds it is one of the package's own, and stands
// only where IsHotMode of the runtime is false.
func (p *Package) unusedAssets() func(file string) bool {
	none := func(string) bool { return false }
	if len(p.CgoFiles) > 0 { // they may use it, too
		return none
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, path := range p.SourceFiles() {
		data, err := regular.Read(path, regular.MaxSource)
		if err != nil {
			return none
		}
		f, err := parser.ParseFile(fset, path, data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return none
		}
		files = append(files, f)
	}
	patterns := map[string][]string{} // by variable
	for _, f := range files {
		maps.Copy(patterns, embeddings(f))
	}
	used := map[string]bool{}
	for _, f := range files {
		cold := coldCode(f)
		ast.Inspect(f, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if ok && !slices.ContainsFunc(cold, func(r codeRange) bool { return r.from <= id.Pos() && id.End() <= r.to }) {
				used[id.Name] = true
			}
			return true
		})
	}
	return func(file string) bool {
		rel, err := filepath.Rel(p.Dir, file)
		if err != nil || strings.HasSuffix(file, ".go") {
			return false
		}
		embedded := false
		for variable, of := range patterns {
			if slices.ContainsFunc(of, func(pattern string) bool { return EmbedMatches(pattern, filepath.ToSlash(rel)) }) {
				if used[variable] || ast.IsExported(variable) || variable == "_" {
					return false
				}
				embedded = true
			}
		}
		return embedded
	}
}

// embeddings returns the patterns of each variable of a file that embeds files.
func embeddings(f *ast.File) map[string][]string {
	out := map[string][]string{}
	for _, d := range f.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.VAR {
			continue
		}
		for _, s := range decl.Specs {
			spec := s.(*ast.ValueSpec)
			for _, doc := range []*ast.CommentGroup{decl.Doc, spec.Doc} {
				if doc == nil || len(spec.Names) != 1 || doc == decl.Doc && len(decl.Specs) != 1 {
					continue
				}
				for _, c := range doc.List {
					if patterns, ok := strings.CutPrefix(c.Text, "//go:embed"); ok {
						out[spec.Names[0].Name] = append(out[spec.Names[0].Name], embedPatterns(patterns)...)
					}
				}
			}
		}
	}
	return out
}

// embedPatterns splits what follows go:embed: a pattern may be a Go string.
func embedPatterns(s string) []string {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if quoted, err := strconv.QuotedPrefix(s); err == nil {
			text, _ := strconv.Unquote(quoted)
			out, s = append(out, text), s[len(quoted):]
			continue
		}
		end := strings.IndexAny(s, " \t")
		if end < 0 {
			end = len(s)
		}
		out, s = append(out, s[:end]), s[end:]
	}
	return out
}

// codeRange is a part of a file.
type codeRange struct{ from, to token.Pos }

// coldCode returns what of a file does not run under anvil-lsp: the branch of an
// if statement that is taken where IsHotMode is false, what follows the other one
// if that ends in a return, and the declarations of embedded variables themselves.
func coldCode(f *ast.File) []codeRange {
	isHotMode := syntax.RuntimeName(f) + ".IsHotMode()"
	hotMode := func(e ast.Expr) bool { return types.ExprString(ast.Unparen(e)) == isHotMode }
	var out []codeRange
	add := func(n ast.Node) { out = append(out, codeRange{n.Pos(), n.End()}) }
	for _, d := range f.Decls {
		if decl, ok := d.(*ast.GenDecl); ok && decl.Tok == token.VAR {
			for _, s := range decl.Specs {
				for _, name := range s.(*ast.ValueSpec).Names {
					add(name)
				}
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		block, ok := n.(*ast.BlockStmt)
		if !ok {
			return true
		}
		for i, s := range block.List {
			cond, ok := s.(*ast.IfStmt)
			if !ok {
				continue
			}
			if not, ok := ast.Unparen(cond.Cond).(*ast.UnaryExpr); ok && not.Op == token.NOT && hotMode(not.X) {
				add(cond.Body)
				continue
			}
			if !hotMode(cond.Cond) {
				continue
			}
			if cond.Else != nil {
				add(cond.Else)
			}
			if n := len(cond.Body.List); n > 0 && i+1 < len(block.List) {
				if _, ends := cond.Body.List[n-1].(*ast.ReturnStmt); ends {
					out = append(out, codeRange{block.List[i+1].Pos(), block.End()})
				}
			}
		}
		return true
	})
	return out
}
