// Package discover finds the program in a directory: the main packages that serve, the
// package that registers handlers, and the address that the program is given. Where a
// workspace is not trusted it reads files and runs nothing.
package discover

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// Main finds the main package of an application: the one that was chosen, if one was,
// the one in the application's directory if it serves, or the only one below that does.
// It returns an import path or a path that the go command accepts in its place.
func Main(ctx context.Context, l *golist.Lister, chosen string) (string, error) {
	if chosen != "" {
		m := named(l.Dir, chosen)
		if strings.HasPrefix(m, "-") {
			return "", fmt.Errorf("%w: the main package %q is neither a directory nor an import path", gocmd.ErrSetup, m)
		}
		return m, nil
	}
	match := gocmd.Matcher(l.BuildContext())
	if p := readOutline(l.Dir, match); p.main && p.serves {
		return ".", nil
	}
	// What else is in the directory may be a program that generates something.
	found := newSearch(ctx, l.Dir, match).find()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	var mains []string
	for _, p := range found.Programs {
		rel, err := filepath.Rel(l.Dir, p.Dir)
		if err != nil {
			return "", err
		}
		if rel == "." {
			return rel, nil
		}
		mains = append(mains, "./"+filepath.ToSlash(rel))
	}
	if len(mains) == 0 {
		var err error
		if mains, err = listMains(ctx, l); err != nil {
			return "", err
		}
	}
	switch {
	case len(mains) == 1:
		return mains[0], nil
	case len(mains) > 1:
		return "", fmt.Errorf("%w: several programs use the runtime: %s; choose one with --main %s", gocmd.ErrSetup,
			strings.Join(mains, ", "), mains[0])
	case readOutline(l.Dir, match).main:
		return ".", nil // what it lacks is said of it
	case found.denied != nil:
		return "", fmt.Errorf("%w: no program in %s was found that uses %s, and not all of it may be read: %w",
			gocmd.ErrSetup, l.Dir, manifest.RuntimePath, found.denied)
	case found.GaveUp != "":
		return "", fmt.Errorf("%w: no program in %s was found that uses %s: %s; name its directory with --main",
			gocmd.ErrSetup, l.Dir, manifest.RuntimePath, found.GaveUp)
	}
	return "", fmt.Errorf("%w: no program in %s calls %s.%s; name the application's directory, "+
		"or make one with `anvil-lsp init`", gocmd.ErrSetup, l.Dir, manifest.RuntimePath, ServeName)
}

// named returns a main package as the go command takes it in dir: a directory
// below that needs a dot, not to be an import path.
func named(dir, main string) string {
	if st, err := os.Stat(filepath.Join(dir, main)); err == nil && st.IsDir() && !strings.HasPrefix(main, ".") &&
		!filepath.IsAbs(main) {
		return "./" + filepath.ToSlash(main)
	}
	return main
}

// ImportPath returns the import path of a main package, which a user or Main may have named by its
// directory. It is empty for a directory of which no go.mod tells.
func ImportPath(dir, main string) string {
	main = named(dir, main)
	switch {
	case filepath.IsAbs(main):
		if real, err := filepath.EvalSymlinks(main); err == nil {
			main = real
		}
	case strings.HasPrefix(main, "."):
		main = filepath.Join(dir, filepath.FromSlash(main))
	default:
		return path.Clean(main)
	}
	root := paths.ModuleRoot(main)
	data, err := regular.Read(filepath.Join(root, "go.mod"), regular.MaxSource)
	module := modfile.ModulePath(data)
	if root == "" || err != nil || module == "" {
		return ""
	}
	return path.Join(module, filepath.ToSlash(strings.TrimPrefix(main, root)))
}

// listMains returns the import paths of the main packages below Dir that have the runtime among
// their dependencies, sorted: one may be called by a module that the user does not work on.
func listMains(ctx context.Context, l *golist.Lister) ([]string, error) {
	pattern := "./..."
	if l.Env.GOWORK != "" && (l.Env.GOMOD == "" || l.Env.GOMOD == os.DevNull) {
		// Above the modules of a go.work, where ./... means nothing.
		pattern = "work"
	}
	pkgs, err := l.List(ctx, nil, "-e", "-deps", "-json=ImportPath,Name,Dir,Imports,ImportMap", pattern)
	if err != nil {
		return nil, l.ListFailure(err)
	}
	g := &golist.Graph{Packages: make(map[string]*golist.Package, len(pkgs))}
	for _, p := range pkgs {
		g.Packages[p.ImportPath] = p
	}
	var mains []string
	for _, p := range pkgs {
		if p.Name != "main" || !paths.Below(p.Dir, l.Dir) {
			continue
		}
		if _, ok := g.Reach(p.ImportPath, func(string) bool { return false })[manifest.RuntimePath]; ok {
			if p.Dir == l.Dir {
				return []string{"."}, nil
			}
			mains = append(mains, p.ImportPath)
		}
	}
	slices.Sort(mains)
	return mains, nil
}
