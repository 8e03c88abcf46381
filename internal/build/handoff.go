package build

import (
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

// compileHandlers compiles the handlers package with a file more than it has,
// which hands the register function to the live server when the plugin is
// opened. So the package is the plugin's main package itself: a package main of
// its own would have to be compiled after it, each time.
func (b *Builder) compileHandlers(ctx context.Context, j compileJob, generation int) error {
	extra := strings.TrimSuffix(j.out, ".a") + "-handoff.go"
	// Whatever the type of the function is: the live server names a wrong one
	// better than the compiler would.
	text := fmt.Sprintf(`package %s

import (
	anvilHotreload %q
	anvilHandoff %q
)

func init() { anvilHandoff.Give(%d, anvilHotreload.ABIVersion, %s) }
`, j.pkg.Name, RuntimePath, handoffPath, generation, RegisterName)
	if err := os.WriteFile(extra, []byte(text), 0o666); err != nil {
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
