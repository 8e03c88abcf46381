package lspserver

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/engine"
)

// What a folder with an application has somewhere in its text.
const (
	markRegister = "AnvilRegisterRoutes" // in the handlers package
	markServe    = ".LiveServer("        // in main
	markRuntime  = `anvil-lsp/hotreload"`
)

// Limits of a search: a folder that is larger is searched in part.
const (
	maxEntries  = 100_000
	maxGoFiles  = 20_000
	maxFileSize = 1 << 20
)

// findApplications returns the directories of the applications in a folder,
// sorted, outermost first. It only looks for a few words in Go files, so that a
// folder without any costs little, once. Engines are asked only in directories that
// they may be asked in.
func findApplications(ctx context.Context, root string, mayAsk func(dir string) bool) []string {
	modules := map[string]*module{} // by directory
	entries, files := 0, 0
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		entries++
		switch {
		case ctx.Err() != nil, entries > maxEntries, files > maxGoFiles:
			return filepath.SkipAll
		case err != nil:
			return nil // unreadable: without it
		case d.IsDir():
			if path != root && skipped(d.Name()) {
				return filepath.SkipDir
			}
			return nil
		case !d.Type().IsRegular() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files++
		register, serve := marks(path)
		if !register && !serve {
			return nil
		}
		dir := filepath.Dir(path)
		at := moduleDir(dir, root)
		m := modules[at]
		if m == nil {
			m = &module{dir: at}
			modules[at] = m
		}
		m.registers = m.registers || register
		if serve && !slices.Contains(m.mains, dir) {
			m.mains = append(m.mains, dir)
		}
		return nil
	})
	// Where a go.work joins modules, main may stand in another than the handlers.
	registers := false
	for _, m := range modules {
		registers = registers || m.registers
	}
	var found []string
	for _, at := range sortedKeys(modules) {
		if registers {
			found = append(found, modules[at].applications(ctx, mayAsk)...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// skipped reports whether the go command would not look into a directory of
// this name either.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" || name == "vendor"
}

// marks reports what the text of a file has.
func marks(path string) (register, serve bool) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxFileSize {
		return false, false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return false, false
	}
	if !bytes.Contains(data, []byte(markRuntime)) {
		return false, false
	}
	register = bytes.Contains(data, []byte("func "+markRegister+"(")) || bytes.Contains(data, []byte("var "+markRegister+" "))
	serve = bytes.Contains(data, []byte(markServe)) && bytes.Contains(data, []byte("package main"))
	return register, serve
}

// moduleDir returns the nearest directory with a go.mod, from dir up to root.
func moduleDir(dir, root string) string {
	for at := dir; below(at, root); at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	return root
}

// module is what was found in one module.
type module struct {
	dir       string
	registers bool
	mains     []string // directories of main packages that serve
}

// applications returns the directory of each application of the module: the
// one that an engine works in already, else the module's if there is one
// application only and nothing speaks against it, else that of main.
func (m *module) applications(ctx context.Context, mayAsk func(string) bool) []string {
	var out []string
	for _, main := range m.mains {
		if taken := m.taken(ctx, main, mayAsk); taken != "" {
			out = append(out, taken)
			continue
		}
		if len(m.mains) == 1 && !hasGoFiles(m.dir) {
			main = m.dir
		}
		out = append(out, main)
	}
	return out
}

// taken returns the directory between main and the module in which an engine
// answers.
func (m *module) taken(ctx context.Context, main string, mayAsk func(string) bool) string {
	for at := main; below(at, m.dir); at = filepath.Dir(at) {
		if c, err := os.Stat(engine.SocketPath(at)); err == nil && c.Mode()&fs.ModeSocket != 0 && mayAsk(at) && answers(ctx, at) {
			return at
		}
		if at == m.dir || at == filepath.Dir(at) {
			break
		}
	}
	return ""
}

// answers reports whether an engine works in a directory.
func answers(ctx context.Context, dir string) bool {
	c := control.NewClient(engine.SocketPath(dir))
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	return c.Get(ctx, control.PathStatus, nil) == nil
}

func hasGoFiles(dir string) bool {
	entries, _ := os.ReadDir(dir) // unreadable: it has none
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go")
	})
}
