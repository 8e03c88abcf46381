package gotypes_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// exports finds the export data of the packages that tests use, and of what
// those import.
var exports = sync.OnceValues(func() (map[string]string, error) {
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race") // some types differ
	}
	list := exec.Command("go", slices.Concat(args, libraryImports, largeImports, []string{"github.com/anvilforge/anvil-lsp/hotreload"})...)
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, &stderr)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if path != "" && file != "" {
			found[path] = file
		}
	}
	return found, nil
})

// typeChecker type-checks packages from text, in the order in which they import
// each other.
type typeChecker struct {
	fset    *token.FileSet
	library types.Importer
	checked map[string]*types.Package
}

func newTypeChecker(t testing.TB) *typeChecker {
	t.Helper()
	files, err := exports()
	if err != nil {
		t.Fatal(err)
	}
	c := &typeChecker{fset: token.NewFileSet(), checked: map[string]*types.Package{}}
	c.library = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
	return c
}

func (c *typeChecker) Import(path string) (*types.Package, error) {
	if pkg := c.checked[path]; pkg != nil {
		return pkg, nil
	}
	return c.library.Import(path)
}

// check returns the package, as far as it can be checked, and all errors.
func (c *typeChecker) check(path, text string) (*types.Package, *types.Info, []*ast.File, error) {
	file, err := parser.ParseFile(c.fset, path+"/p.go", text, parser.SkipObjectResolution)
	errs := []error{err}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: c, Error: func(err error) { errs = append(errs, err) }, Sizes: types.SizesFor("gc", runtime.GOARCH)}
	pkg, _ := config.Check(path, c.fset, []*ast.File{file}, info)
	c.checked[path] = pkg
	return pkg, info, []*ast.File{file}, errors.Join(errs...)
}

// question is a call add("id", reflect.TypeFor[T]()).
type question struct {
	id  string
	typ types.Type
}

// asked returns the calls of add in their order.
func asked(files []*ast.File, info *types.Info) []question {
	var found []question
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 {
				return true
			}
			if fun, ok := call.Fun.(*ast.Ident); !ok || fun.Name != "add" {
				return true
			}
			id, _ := strconv.Unquote(info.Types[call.Args[0]].Value.ExactString())
			found = append(found, question{id, info.TypeOf(call.Args[1].(*ast.CallExpr).Fun.(*ast.IndexExpr).Index)})
			return true
		})
	}
	return found
}

// checkout returns the directory of the runtime's module, and its version of Go.
func checkout(t testing.TB) (dir, version string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.GoVersion}} {{.Dir}}", "github.com/anvilforge/anvil-lsp/hotreload").Output()
	if err != nil {
		t.Fatal(err)
	}
	version, dir, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	return dir, version
}
