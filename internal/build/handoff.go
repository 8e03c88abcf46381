package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// handoffPath is the package through which a plugin hands its register function
// to the live server.
const handoffPath = RuntimePath + "/internal/handoff"

// entryPath is the import path, without a generation, of what begins a
// plugin for which the handlers package was not compiled.
const entryPath = "anvil/handoff"

// handoff returns a file that hands the register function to the live server when
// the plugin is opened. It is of the handlers package, or of another one, which
// imports that. Whatever the type of the function is: the live server names a wrong
// one better than the compiler would.
func handoff(name, handlers string, generation int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "package %s\n\nimport (\n\tanvilHotreload %q\n\tanvilHandoff %q\n", name, RuntimePath, handoffPath)
	function := RegisterName
	if handlers != "" {
		fmt.Fprintf(&b, "\tanvilHandlers %q\n", handlers)
		function = "anvilHandlers." + function
	}
	fmt.Fprintf(&b, ")\n\nfunc init() { anvilHandoff.Give(%d, anvilHotreload.ABIVersion, %s) }\n", generation, function)
	return b.Bytes()
}

// compileEntry compiles a package that a plugin begins with.
func (b *Builder) compileEntry(ctx context.Context, handlers *Package, j compileJob, generation int) error {
	file := strings.TrimSuffix(j.out, ".a") + ".go"
	if err := os.WriteFile(file, handoff("handoff", handlers.ImportPath, generation), 0o666); err != nil {
		return writeError(err)
	}
	j.files, j.pkg = []string{file}, &Package{Dir: handlers.Dir, ImportPath: entryPath, Name: "handoff"}
	return b.compile(ctx, j)
}

// compileHandlers compiles the handlers package with a file more than it has, which
// hands the register function over. So the package is the plugin's main package
// itself: one of its own would have to be compiled after it. A later plugin, or the
// executable, can be linked with the archive, too: what it then gives is for a
// generation that nobody asks for any more.
func (b *Builder) compileHandlers(ctx context.Context, j compileJob, generation int) error {
	extra := strings.TrimSuffix(j.out, ".a") + "-handoff.go"
	text := handoff(j.pkg.Name, "", generation)
	if err := os.WriteFile(extra, text, 0o666); err != nil {
		return writeError(err)
	}
	files := j.files
	j.files = append(slices.Clone(files), extra)
	err := b.compile(ctx, j)
	f, ok := errors.AsType[*Failure](err)
	if !ok {
		return err
	}
	// What is wrong with the extra file follows from the others, or is that the
	// function is missing.
	own := slices.DeleteFunc(slices.Clone(f.Diagnostics), func(d manifest.Diagnostic) bool { return filepath.Base(d.File) == filepath.Base(extra) })
	if len(own) > 0 {
		return failure(own...)
	}
	pos := manifest.Position{File: j.pkg.Dir}
	if len(files) > 0 {
		pos = manifest.Position{File: files[0], Line: 1}
	}
	return failure(manifest.Diagnose(manifest.CodeRegister, pos,
		"package %s must export func %s(r *hotreload.RouteSink)", j.pkg.ImportPath, RegisterName))
}
