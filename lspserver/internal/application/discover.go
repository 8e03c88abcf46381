// Package application finds the applications in a folder, and the main file of one.
package application

import (
	"context"
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/enginelink"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// Discovery is the outcome of a search for applications.
type Discovery struct {
	Dirs []string // of the applications, sorted
	// Reason says why there are none, or not all; empty if all is well.
	Reason string
	// Concerns tells whether the folder has something to do with anvil-lsp, so
	// that the reason is worth the user's attention.
	Concerns bool
}

// Find returns the directories of the applications in a folder. A
// folder inside of a module, such as the one of the handlers package alone,
// belongs to the applications of that module. So does the package of a document
// that is open alone; other applications below it are none of its own. Files are
// read, and nothing is run. Engines are asked only in directories that they may be
// asked in.
func Find(ctx context.Context, root string, alone bool, settings view.Settings,
	mayAsk func(dir string) bool) Discovery {
	var d Discovery
	dirs := append([]string{root}, discover.Enclosing(root)...)
	if alone && !view.IsModule(root) {
		dirs = dirs[1:] // the module knows whether the application is its only one
	}
	for _, dir := range dirs {
		found := discover.FindPrograms(ctx, dir, settings.Tags)
		d.explain(found, dir)
		programs := found.Programs
		if dir != root || alone { // those that have to do with the folder
			programs = slices.DeleteFunc(programs, func(p discover.Program) bool {
				for at := range p.Reaches {
					if at == root || !alone && paths.Below(at, root) {
						return false
					}
				}
				return true
			})
		}
		if found.Registers && len(programs) > 0 {
			d.Reason = found.GaveUp
			for _, p := range programs {
				d.Dirs = append(d.Dirs, servedFrom(ctx, p, dir, mayAsk))
			}
			break
		}
		// What cannot be seen: an engine that was told, or the setting knows.
		if mayAsk(dir) && answers(ctx, dir) || settings.Main != "" && view.IsModule(dir) {
			d.Dirs, d.Reason = append(d.Dirs, dir), ""
			break
		}
	}
	slices.Sort(d.Dirs)
	d.Dirs = slices.Compact(d.Dirs)
	return d
}

// explain keeps why a search found nothing.
func (d *Discovery) explain(found discover.Result, dir string) {
	d.Concerns = d.Concerns || found.Uses
	switch {
	case found.GaveUp != "":
		d.Reason = "not all of " + dir + " was searched: " + found.GaveUp
	case len(found.Programs) == 0 && found.Uses:
		d.Reason = fmt.Sprintf("no main package in %s, nor what it imports, refers to hotreload.%s", dir, discover.ServeName)
	case len(found.Programs) == 0 && d.Reason == "":
		d.Reason = fmt.Sprintf("no Go file in %s imports %s", dir, manifest.RuntimePath)
	case len(found.Programs) > 0 && !found.Registers:
		d.Reason = fmt.Sprintf("%s calls hotreload.%s, but no package exports %s", found.Programs[0].Dir,
			discover.ServeName, manifest.RegisterName)
	case len(found.Programs) > 0:
		d.Reason = fmt.Sprintf("the programs in %s import nothing of this folder", dir)
	}
}

// ModuleAround returns the directory of the module or workspace that a directory
// is in: the nearest that has a go.mod or go.work. It is empty if there is none,
// and in the standard library and the module cache, which hold no application.
func ModuleAround(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if strings.Contains(filepath.Base(at), "@") {
			return ""
		}
		if view.IsModule(at) {
			data, err := regular.Read(filepath.Join(at, "go.mod"), regular.MaxSource)
			if path := modfile.ModulePath(data); err == nil && (path == "std" || path == "cmd") {
				return ""
			}
			return at
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// servedFrom returns the directory that an application is served from: the one that
// an engine works in already, else the module's if there is one application only
// and nothing speaks against it, else that of main.
func servedFrom(ctx context.Context, p discover.Program, root string, mayAsk func(dir string) bool) string {
	for at := p.Dir; paths.Below(at, p.Module) || paths.Below(at, root); at = filepath.Dir(at) {
		if mayAsk(at) && answers(ctx, at) {
			return at
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	if p.Alone {
		return p.Module
	}
	return p.Dir
}

// answers reports whether an engine works in a directory.
func answers(ctx context.Context, dir string) bool {
	socket, err := os.Stat(engine.SocketPath(dir))
	if err != nil || socket.Mode()&fs.ModeSocket == 0 {
		return false
	}
	c := transport.NewClient(engine.SocketPath(dir))
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, enginelink.StatusTimeout)
	defer cancel()
	return c.Get(ctx, control.PathStatus, nil) == nil
}

// MainDirs returns the directories that a main package may stand in, which is
// given as import path or directory.
func MainDirs(dir, main string, roots []string) []string {
	if main == "" {
		return nil
	}
	if filepath.IsAbs(main) {
		return []string{main}
	}
	dirs := []string{filepath.Join(dir, filepath.FromSlash(main))}
	for _, root := range roots {
		data, err := regular.Read(filepath.Join(root, "go.mod"), regular.MaxSource)
		if err != nil {
			continue
		}
		module := modfile.ModulePath(data)
		if rest, ok := strings.CutPrefix(main+"/", module+"/"); ok && module != "" {
			dirs = append(dirs, filepath.Join(root, filepath.FromSlash(rest)))
		}
	}
	return dirs
}

// MainFile returns the file that a person would look for main in; empty if a
// directory has no program.
func MainFile(dir string) string {
	entries, _ := os.ReadDir(dir) // no directory: no program
	var first string
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(dir, e.Name())
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if in, err := build.Default.MatchFile(dir, name); err != nil || !in {
			continue
		}
		f, _ := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly)
		if f == nil || f.Name == nil || f.Name.Name != "main" {
			continue
		}
		if name == "main.go" {
			return path
		}
		if first == "" {
			first = path
		}
	}
	return first
}
