package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// Source is where a project takes the runtime from: a checkout, or a released version.
type Source struct {
	Checkout string // root directory; absolute
	Version  string // such as v1.2.3; used where there is no checkout
}

// ErrNoSource reports a program that was built neither from a released version nor from a checkout
// that can be found.
var ErrNoSource = errors.New("this anvil-lsp is a development build and does not know its checkout")

// FindSource finds out where the running program comes from: a checkout around the executable or
// the working directory, else a released version, else the checkout that it was compiled in.
func FindSource() (Source, error) {
	if exe, err := os.Executable(); err == nil {
		if root := checkoutAbove(filepath.Dir(exe)); root != "" {
			return Source{Checkout: root}, nil
		}
	}
	if dir, err := os.Getwd(); err == nil {
		if root := checkoutAbove(dir); root != "" {
			return Source{Checkout: root}, nil
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok && released(info.Main.Version) {
		return Source{Version: info.Main.Version}, nil
	}
	// With -trimpath the position is not a path, and finds nothing.
	if _, here, _, ok := runtime.Caller(0); ok && filepath.IsAbs(here) {
		if root := checkoutAbove(filepath.Dir(here)); root != "" {
			return Source{Checkout: root}, nil
		}
	}
	return Source{}, fmt.Errorf("%w: run it from within the checkout, or install a release with `go install "+
		"%s/cmd/anvil-lsp@latest`", ErrNoSource, ToolModule)
}

// released reports whether a version is one that everybody can download.
func released(v string) bool {
	return v != "" && v != "(devel)" && !strings.Contains(v, "+") && !module.IsPseudoVersion(v)
}

// runtimeDir is the directory of RuntimeModule in a checkout.
const runtimeDir = "hotreload"

// checkoutAbove returns the closest directory, dir or one above it, that holds this module; empty
// if there is none.
func checkoutAbove(dir string) string {
	for {
		if data, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && modfile.ModulePath(data) == ToolModule {
			// A go.mod alone may be a copy.
			if st, err := os.Stat(filepath.Join(dir, runtimeDir)); err == nil && st.IsDir() {
				return dir
			}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// moduleFiles are go.mod and go.sum.
type moduleFiles struct {
	mod, sum []byte // sum is nil if only the go command can make it
}

func (s Source) moduleFiles(dir, modulePath string) (moduleFiles, error) {
	f := new(modfile.File)
	err := errors.Join(f.AddModuleStmt(modulePath), f.AddGoStmt(manifest.OldestGo))
	if err != nil {
		return moduleFiles{}, err
	}
	if s.Checkout == "" {
		f.AddNewRequire(RuntimeModule, s.Version, false)
		data, err := f.Format()
		return moduleFiles{mod: data}, err
	}
	const none = "v0.0.0" // what replaced modules are required as
	f.AddNewRequire(RuntimeModule, none, false)
	needs, err := s.requirements()
	if err != nil {
		return moduleFiles{}, err
	}
	for _, m := range needs {
		f.AddNewRequire(m.Path, m.Version, true)
	}
	f.SetRequireSeparateIndirect(f.Require)
	if err := f.AddReplace(RuntimeModule, "", replacePath(dir, s.Checkout), ""); err != nil {
		return moduleFiles{}, err
	}
	f.Cleanup()
	data, err := f.Format()
	if err != nil {
		return moduleFiles{}, err
	}
	sum, err := s.sums(needs)
	return moduleFiles{mod: data, sum: sum}, err
}

// runtimeNeeds are the modules that the packages import that end up in a project. A test compares
// them with what the go command says.
var runtimeNeeds = [...]string{"github.com/go-chi/chi/v5"}

// requirements returns the versions of runtimeNeeds in the checkout.
func (s Source) requirements() ([]module.Version, error) {
	name := filepath.Join(s.Checkout, "go.mod")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f, err := modfile.Parse(name, data, nil)
	if err != nil {
		return nil, err
	}
	var out []module.Version
	for _, path := range runtimeNeeds {
		for _, r := range f.Require {
			if r.Mod.Path == path {
				out = append(out, r.Mod)
			}
		}
	}
	return out, nil
}

// sums returns the lines of the checkout's go.sum about some modules.
func (s Source) sums(of []module.Version) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(s.Checkout, "go.sum"))
	if err != nil {
		return nil, err
	}
	out := []byte{} // not nil: there is a go.sum, even an empty one
	for line := range bytes.Lines(data) {
		for _, m := range of {
			if prefix := m.Path + " " + m.Version; bytes.HasPrefix(line, []byte(prefix+" ")) ||
				bytes.HasPrefix(line, []byte(prefix+"/go.mod ")) {
				out = append(out, line...)
			}
		}
	}
	return out, nil
}

// replacePath returns how go.mod names the runtime in the checkout: relative for a project inside
// the checkout, which moves with it, otherwise absolute.
func replacePath(dir, checkout string) string {
	rel, err := filepath.Rel(dir, checkout)
	if err != nil || strings.Trim(filepath.ToSlash(rel), "./") != "" {
		rel = checkout
	}
	return filepath.ToSlash(filepath.Join(rel, runtimeDir))
}

// goWork returns the go.work file that covers dir without listing it.
func goWork(dir string) string {
	env := os.Getenv("GOWORK")
	if env == "off" {
		return ""
	}
	for d := dir; env == ""; d = filepath.Dir(d) {
		name := filepath.Join(d, "go.work")
		if _, err := os.Stat(name); err == nil {
			env = name
		} else if !errors.Is(err, fs.ErrNotExist) || d == filepath.Dir(d) {
			return ""
		}
	}
	data, err := os.ReadFile(env)
	if err != nil {
		return ""
	}
	f, err := modfile.ParseWork(env, data, nil)
	if err != nil {
		return env
	}
	for _, u := range f.Use {
		used := filepath.FromSlash(u.Path)
		if !filepath.IsAbs(used) {
			used = filepath.Join(filepath.Dir(env), used)
		}
		if used == dir {
			return ""
		}
	}
	return env
}
