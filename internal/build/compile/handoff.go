package compile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
)

// handoffPath is the package through which a plugin hands its register function to the live server.
const handoffPath = manifest.RuntimePath + "/internal/handoff"

// EntryPath is the import path, without a generation, of what begins a plugin whose handlers
// package does not hand the function over itself. No other module can have it.
const EntryPath = handoffPath + "/plugin"

// handoffFile returns a file that hands the register function to the live server when the plugin is
// opened. It is of the handlers package, or of another one, which imports that. Whatever the type
// of the function is: the live server names a wrong one better than the compiler would.
//
// The generation is told by the import path that the package is linked under, so that what was
// compiled once can be used for all. In an executable there is none, and nothing to hand over.
func handoffFile(name, handlers string) []byte {
	var imports strings.Builder
	function := manifest.RegisterName
	if handlers != "" {
		fmt.Fprintf(&imports, "\tanvilHandlers %q\n", handlers)
		function = "anvilHandlers." + function
	}
	before, after, _ := strings.Cut(symbol.GenerationPath(0, ""), "0")
	return fmt.Appendf(nil, `package %s

import (
	anvilRuntime "runtime"
	anvilStrconv "strconv"
	anvilStrings "strings"

	anvilHotreload %q
	anvilHandoff %q
%s)

func init() {
	pc, _, _, _ := anvilRuntime.Caller(0)
	path, _, _ := anvilStrings.Cut(anvilRuntime.FuncForPC(pc).Name(), %q)
	if generation, err := anvilStrconv.Atoi(anvilStrings.TrimPrefix(path, %q)); err == nil {
		anvilHandoff.Give(generation, anvilHotreload.ABIVersion, %s)
	}
}
`, name, manifest.RuntimePath, handoffPath, imports.String(), after, before, function)
}

// HandoffImports returns what such a file imports, besides the handlers package.
func HandoffImports() []string {
	return []string{"runtime", "strconv", "strings", manifest.RuntimePath, handoffPath}
}

// CompileEntry compiles a package that plugins begin with.
func (c *Compiler) CompileEntry(ctx context.Context, handlers *golist.Package, j Job) error {
	file := strings.TrimSuffix(j.Out, ".a") + ".go"
	if err := os.WriteFile(file, handoffFile("handoff", handlers.ImportPath), 0o666); err != nil {
		return gocmd.WriteError(err)
	}
	j.Files, j.Pkg = []string{file}, &golist.Package{Dir: handlers.Dir, ImportPath: EntryPath, Name: "handoff"}
	return c.Compile(ctx, j)
}

// CompileHandlers compiles the handlers package with a file more than it has, which
// hands the register function over. So the package is the plugin's main package
// itself: one of its own would have to be compiled after it.
func (c *Compiler) CompileHandlers(ctx context.Context, j Job) error {
	extra := strings.TrimSuffix(j.Out, ".a") + "-handoff.go"
	text := handoffFile(j.Pkg.Name, "")
	if err := os.WriteFile(extra, text, 0o666); err != nil {
		return gocmd.WriteError(err)
	}
	files := j.Files
	j.Files = append(slices.Clone(files), extra)
	err := c.Compile(ctx, j)
	f, ok := errors.AsType[*gocmd.Failure](err)
	if !ok {
		return err
	}
	// What is wrong with the extra file follows from the others, or is that the
	// function is missing or generic.
	own := slices.DeleteFunc(slices.Clone(f.Diagnostics),
		func(d manifest.Diagnostic) bool { return filepath.Base(d.File) == filepath.Base(extra) })
	if len(own) > 0 {
		return gocmd.Fail(own...)
	}
	if !slices.ContainsFunc(f.Diagnostics, func(d manifest.Diagnostic) bool {
		return strings.Contains(d.Message, manifest.RegisterName) || strings.Contains(d.Message, "anvilHandoff.Give")
	}) {
		return err
	}
	pos := manifest.Position{File: j.Pkg.Dir}
	if len(files) > 0 {
		pos = manifest.Position{File: files[0], Line: 1}
	}
	return gocmd.Fail(manifest.Diagnose(manifest.CodeRegister, pos,
		"package %s must export func %s(r *hotreload.RouteSink)", j.Pkg.ImportPath, manifest.RegisterName))
}
