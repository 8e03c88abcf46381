package gocmd

import (
	"bytes"
	"fmt"
	"go/build"
	"go/version"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/build/thin"
)

// Flags returns the build flags that every call of the go command gets, so
// that host and plugins are compiled alike. Flags from GOFLAGS that would make
// the go command compile otherwise than the direct calls are turned off, but for
// -race, which these follow.
func (t *Toolchain) Flags() []string {
	flags := []string{"-buildmode=plugin", "-tags=" + strings.Join(t.BuildTags(), ","), "-trimpath=false",
		"-buildvcs=false", "-pgo=off",
		"-msan=false", "-asan=false", "-cover=false", "-overlay=", "-toolexec=", "-asmflags=all="}
	if t.Race {
		flags = append(flags, "-race=true")
	}
	flags = append(flags, "-gcflags=all="+strings.Join(t.CompilerFlags(), " "))
	if root, own := t.Workspace(), t.WorkspaceFlags(); root != "" && len(own) > 0 {
		if rel, err := filepath.Rel(t.Dir, root); err == nil {
			pattern := "./" + filepath.ToSlash(rel) + "/..." // the last one that matches counts
			flags = append(flags, "-gcflags="+pattern+"="+strings.Join(append(t.CompilerFlags(), own...), " "))
		}
	}
	return flags
}

// Workspace returns the directory of go.work, or else of go.mod; empty if there is neither.
func (t *Toolchain) Workspace() string {
	for _, file := range []string{t.Env.GOWORK, t.Env.GOMOD} {
		if file != "" && file != "off" && file != os.DevNull {
			return filepath.Dir(file)
		}
	}
	return ""
}

// WorkspaceFlags returns the flags that packages of the workspace are compiled with, besides
// gcflags.
//
// Functions with function literals in them are not inlined into other packages. Else
// each edit of a handler that is made by a function, as in func list() http.HandlerFunc
// { return func(…) {…} }, would be one of the package that registers it, which
// holds a copy of them all and would have to be compiled, too.
func (t *Toolchain) WorkspaceFlags() []string {
	if t.Debug { // nothing is inlined
		return nil
	}
	return []string{"-d=inlfuncswithclosures=0"}
}

// BuildTags returns the build tags that files are chosen by, besides those of the
// platform and the toolchain.
func (t *Toolchain) BuildTags() []string {
	tags := slices.Concat([]string{HotTag}, t.Tags, t.Env.tags())
	if t.Race {
		tags = append(tags, "race") // as the go command does by itself
	}
	return tags
}

// ModFile returns the file that the go command reads in place of go.mod, as GOFLAGS
// says (-modfile); empty if it reads go.mod. The last one counts, as everywhere.
func (t *Toolchain) ModFile() string {
	if file := t.Env.lastFlag("modfile"); file != "" {
		return Absolute(file, t.Dir)
	}
	return ""
}

// CompilerFlags returns the flags that every package is compiled with, besides those
// that follow from the others.
func (t *Toolchain) CompilerFlags() []string {
	// The linker drops the initialisation of a map that nothing in a plugin reads, if it is a function
	// of its own (go.dev/issue/62430). A later plugin reads it, and the package counts as initialised.
	flags := []string{"-d=wrapglobalmapctl=1", thin.WholeShapes}
	if t.Debug {
		flags = append(flags, "-N", "-l")
	}
	if ThinPlatform(t.Env.GOOS, t.Env.GOARCH) && !t.Debug {
		// References go by name, so that any image can resolve them.
		flags = append(flags, "-linkshared")
	}
	if !t.Debug {
		// Every link drops it, but would first have to load it of all packages:
		// it is a quarter of their archives.
		flags = append(flags, "-dwarf=false")
	}
	return flags
}

// VariableFlags returns the linker's flags for the executable.
func (t *Toolchain) VariableFlags() []string {
	var flags []string
	for _, v := range t.Env.Variables() {
		flags = append(flags, "-X="+v.Pkg+"."+v.Name+"="+v.Value)
	}
	return flags
}

// Absolute returns a path that is meant as seen from a directory.
func Absolute(path, in string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(in, path)
}

// BuildContext returns what go/build chooses files by, as the go command does here.
func (t *Toolchain) BuildContext() build.Context {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = t.Env.GOOS, t.Env.GOARCH, true
	ctx.BuildTags = t.BuildTags()
	if lang := version.Lang(t.Env.GOVERSION); lang != "" { // of the toolchain, not of this program
		ctx.ReleaseTags = nil
		last, _ := strconv.Atoi(strings.TrimPrefix(lang, "go1."))
		for minor := 1; minor <= last; minor++ {
			ctx.ReleaseTags = append(ctx.ReleaseTags, fmt.Sprintf("go1.%d", minor))
		}
	}
	return ctx
}

// UsualContext is buildContext without asking the go command.
func UsualContext(tags []string) build.Context {
	ctx := build.Default
	ctx.CgoEnabled = true
	env := Env{GOFLAGS: os.Getenv("GOFLAGS")}
	ctx.BuildTags = slices.Concat([]string{HotTag}, tags, env.tags())
	return ctx
}

// FileMatch tells whether a Go file with a text belongs to its package, by its
// name and its build constraints.
type FileMatch func(path string, data []byte) (bool, error)

// Matcher returns what decides as go/build does.
func Matcher(ctx build.Context) FileMatch {
	return func(path string, data []byte) (bool, error) {
		one := ctx
		one.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		dir, name := filepath.Split(path)
		return one.MatchFile(dir, name)
	}
}
