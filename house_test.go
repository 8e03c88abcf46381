package anvil_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// What the code of this house keeps to. A package is a directory here: its files for
// all systems and build tags count, its tests do not.
const (
	maxFiles  = 30
	maxLines  = 4500
	maxColumn = 120
	maxFields = 20 // of a struct of the language server
)

// source is a Go file that is not a test.
type source struct {
	dir, name string
	text      []byte
	set       *token.FileSet
	syntax    *ast.File
}

// TestHouseSizes: a package is no larger than what one can know.
func TestHouseSizes(t *testing.T) {
	files, lines := map[string]int{}, map[string]int{}
	for _, s := range sources(t) {
		files[s.dir]++
		lines[s.dir] += bytes.Count(s.text, []byte("\n"))
	}
	for _, dir := range slices.Sorted(maps.Keys(files)) {
		if files[dir] > maxFiles || lines[dir] > maxLines {
			t.Errorf("%s has %d files and %d lines: %d and %d is the limit", dir, files[dir], lines[dir], maxFiles, maxLines)
		}
	}
}

// TestHouseStructs: no struct of the language server is everything to everyone.
func TestHouseStructs(t *testing.T) {
	found := faults{}
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.dir+"/", "lspserver/") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if st, ok := n.(*ast.StructType); ok && st.Fields.NumFields() > maxFields {
				found.add(s, st.Pos(), "a struct of %d fields: %d is the limit", st.Fields.NumFields(), maxFields)
			}
			return true
		})
	}
	found.report(t)
}

// TestHouseColumns: a line fits beside another.
func TestHouseColumns(t *testing.T) {
	found := faults{}
	for _, s := range sources(t) {
		n := 0
		for line := range bytes.Lines(s.text) {
			n++
			if width := utf8.RuneCount(bytes.TrimRight(line, "\r\n")); width > maxColumn {
				found[s.dir] = append(found[s.dir], fmt.Sprintf("%s:%d: %d columns: %d is the limit", s.name, n, width, maxColumn))
			}
		}
	}
	found.report(t)
}

// TestHouseNames: the words of declared names and of file names are those of the
// glossary in docs/architecture.md.
func TestHouseNames(t *testing.T) {
	instead := map[string]string{}
	for _, row := range docsTable(t, "docs/architecture.md", "word", "means here", "not") {
		for word := range strings.SplitSeq(row[2], ",") {
			if word = strings.TrimSpace(word); word != "" {
				instead[word] = row[0]
			}
		}
	}
	found := faults{}
	for _, s := range sources(t) {
		for _, word := range words(strings.TrimSuffix(s.name, ".go")) {
			if use, ok := instead[word]; ok {
				found[s.dir] = append(found[s.dir], fmt.Sprintf("%s: the file's name has %q: see %q in the glossary", s.name, word, use))
			}
		}
		for _, name := range declared(s.syntax) {
			for _, word := range words(name.Name) {
				if use, ok := instead[word]; ok {
					found.add(s, name.Pos(), "%s has %q: see %q in the glossary", name.Name, word, use)
				}
			}
		}
	}
	found.report(t)
}

// declared returns the names of functions, methods, types, fields and package-level
// constants and variables.
func declared(file *ast.File) []*ast.Ident {
	var names []*ast.Ident
	fields := func(list *ast.FieldList) {
		for _, f := range list.List {
			names = append(names, f.Names...)
		}
	}
	for _, d := range file.Decls {
		if gen, ok := d.(*ast.GenDecl); ok {
			for _, spec := range gen.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					names = append(names, v.Names...)
				}
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			names = append(names, n.Name)
		case *ast.TypeSpec:
			names = append(names, n.Name)
		case *ast.StructType:
			fields(n.Fields)
		case *ast.InterfaceType:
			fields(n.Methods)
		}
		return true
	})
	return names
}

// words splits a name where its case changes and at underscores: ANSIColour2 is ansi
// and colour. They are in lower case, without digits.
func words(name string) []string {
	var all []string
	runes := []rune(name)
	begin := 0
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			all = append(all, string(runes[begin:i]))
			begin = i + 1
		case unicode.IsUpper(r) && i > begin &&
			(unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			all = append(all, string(runes[begin:i]))
			begin = i
		}
	}
	all = append(all, string(runes[begin:]))
	for i := range all {
		all[i] = strings.ToLower(all[i])
	}
	return slices.DeleteFunc(all, func(word string) bool { return word == "" })
}

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"takeOver": "take over", "takeover": "takeover", "HTTPServer": "http server", "serveHTTP": "serve http",
		"hot_page": "hot page", "x2Y": "x y", "ID": "id", "restart": "restart", "EnvTakeFD": "env take fd",
	} {
		if got := strings.Join(words(name), " "); got != want {
			t.Errorf("words(%q) = %q, want %q", name, got, want)
		}
	}
}

// faults are what is wrong, by package.
type faults map[string][]string

func (f faults) add(s source, pos token.Pos, format string, args ...any) {
	at := fmt.Sprintf("%s:%d: ", s.name, s.set.Position(pos).Line)
	f[s.dir] = append(f[s.dir], at+fmt.Sprintf(format, args...))
}

func (f faults) report(t *testing.T) {
	for _, dir := range slices.Sorted(maps.Keys(f)) {
		t.Errorf("%s: %d\n\t%s", dir, len(f[dir]), strings.Join(f[dir], "\n\t"))
	}
}

// sources returns the Go files of both modules that are not tests.
func sources(t *testing.T) []source {
	var all []source
	for _, dir := range packageDirs(t) {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			s := source{dir: dir, name: filepath.Base(path), set: token.NewFileSet()}
			if s.text, err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
			if s.syntax, err = parser.ParseFile(s.set, path, s.text, parser.SkipObjectResolution); err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
	}
	return all
}
