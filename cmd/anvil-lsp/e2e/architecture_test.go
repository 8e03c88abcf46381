package e2e

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/anvilforge/anvil-lsp/"

// TestArchitecture keeps the imports to what docs/architecture.md says.
func TestArchitecture(t *testing.T) {
	third := map[string][]string{ // what a package may import from outside the standard library
		"manifest":                   {},
		"hotreload/control":          {module + "manifest", "github.com/go-chi/chi/v5"},
		"hotreload":                  {module + "manifest", module + "hotreload/control", module + "hotreload/internal/handoff", module + "hotreload/internal/takeover", module + "internal/visible", module + "internal/regular", "github.com/go-chi/chi/v5", "github.com/go-chi/chi/v5/middleware"},
		"hotreload/watch":            {"github.com/fsnotify/fsnotify"},
		"internal/regular":           {},
		"hotreload/outdir":           {module + "hotreload/control", module + "internal/regular"},
		"hotreload/build":            {module + "manifest", module + "hotreload/control", module + "hotreload/build/thin", module + "hotreload/outdir", module + "internal/regular", "golang.org/x/mod/modfile"},
		"hotreload/build/thin":       {},
		"hotreload/internal/handoff": {},
		"hotreload/launch":           {module + "manifest", module + "hotreload/control", module + "hotreload/internal/takeover", module + "internal/visible"},
		"hotreload/engine":           {module + "manifest", module + "hotreload/control", module + "hotreload/build", module + "hotreload/launch", module + "hotreload/watch", module + "manifest/source", module + "internal/visible", module + "hotreload/outdir", module + "internal/regular", "github.com/go-chi/chi/v5", "github.com/gofrs/flock"},
		"internal/visible":           {},
		"lspserver/trust":            {},
		"lspserver": {
			module + "internal/visible", module + "lspserver/trust",
			module + "manifest", module + "manifest/source", module + "hotreload/control", module + "hotreload/build", module + "hotreload/engine", module + "hotreload/outdir", module + "internal/regular",
			module + "lspserver/internal/rpc", module + "lspserver/internal/text", module + "lspserver/internal/rewrite",
			"go.lsp.dev/protocol", "go.lsp.dev/jsonrpc2", "go.lsp.dev/uri", "golang.org/x/mod/modfile",
		},
		"lspserver/internal/rewrite": {module + "manifest", module + "manifest/source", "golang.org/x/tools/go/ast/astutil", "golang.org/x/tools/go/types/typeutil"},
		"lspserver/internal/rpc":     {"go.lsp.dev/protocol", "go.lsp.dev/jsonrpc2"},
		"lspserver/internal/text":    {"go.lsp.dev/protocol"},

		"hotreload/internal/takeover": {},
	}
	out, err := exec.Command("go", "list", "-tags=anvilhot", "-f", `{{.ImportPath}}: {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(strings.TrimSpace(line), ": ")
		name := strings.TrimPrefix(path, module)
		for _, imp := range strings.Fields(imports) {
			if strings.HasPrefix(imp, module+"cmd/") && !strings.HasPrefix(name, "cmd/") {
				t.Errorf("%s imports %s: nobody knows cmd", name, imp)
			}
			if strings.HasPrefix(imp, "go.lsp.dev/") && !strings.HasPrefix(name, "lspserver") {
				t.Errorf("%s imports %s: only lspserver knows the protocol", name, imp)
			}
			allowed, known := third[name]
			if !known || !strings.Contains(imp, ".") {
				continue
			}
			if !slices.Contains(allowed, imp) {
				t.Errorf("%s imports %s", name, imp)
			}
		}
		if _, ok := third[name]; ok {
			seen++
		}
	}
	if want := len(third); seen != want {
		t.Errorf("checked %d packages, want %d", seen, want)
	}
}

// TestProductionIsFree: without the engine's build tag the development half of
// the runtime is not compiled in.
func TestProductionIsFree(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"hotreload").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if dep == "plugin" || strings.Contains(dep, "fsnotify") || strings.HasPrefix(dep, "golang.org/x/tools") {
			t.Errorf("a production build of the runtime contains %s", dep)
		}
	}
}
