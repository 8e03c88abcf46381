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
		"hotreload/manifest":          {module + "hotreload/manifest/shape", module + "hotreload/manifest/symbol"},
		"hotreload/manifest/shape":    {module + "hotreload/manifest/symbol"},
		"hotreload/manifest/symbol":   {},
		"hotreload/control":           {module + "hotreload/manifest"},
		"hotreload/control/transport": {module + "hotreload/control"},
		"hotreload/shared/devpage":    {},
		"hotreload":                   {module + "hotreload/manifest", module + "hotreload/manifest/shape", module + "hotreload/manifest/symbol", module + "hotreload/control", module + "hotreload/control/transport", module + "hotreload/shared/devpage", module + "hotreload/internal/handoff", module + "hotreload/shared/takeover", module + "hotreload/shared/visible", module + "hotreload/shared/regular", "github.com/go-chi/chi/v5", "github.com/go-chi/chi/v5/middleware"},
		"internal/watch":              {"github.com/fsnotify/fsnotify"},
		"hotreload/shared/regular":    {},
		"internal/outdir":             {module + "hotreload/control/transport", module + "hotreload/shared/regular"},
		"internal/build":              {module + "hotreload/manifest", module + "hotreload/manifest/symbol", module + "hotreload/control", module + "internal/build/gocmd", module + "internal/build/syntax", module + "internal/build/thin", module + "internal/outdir", module + "hotreload/shared/regular", "golang.org/x/mod/modfile"},
		"internal/build/gocmd":        {module + "hotreload/manifest", module + "hotreload/manifest/symbol", module + "hotreload/shared/regular", module + "internal/build/thin"},
		"internal/build/syntax":       {module + "hotreload/manifest", module + "hotreload/shared/regular"},
		"internal/build/thin":         {},
		"hotreload/internal/handoff":  {},
		"internal/launch":             {module + "hotreload/manifest", module + "hotreload/manifest/symbol", module + "hotreload/control", module + "hotreload/control/transport", module + "hotreload/shared/takeover", module + "hotreload/shared/visible"},
		"internal/engine":             {module + "hotreload/manifest", module + "hotreload/control", module + "hotreload/control/transport", module + "hotreload/shared/devpage", module + "internal/build", module + "internal/launch", module + "internal/watch", module + "manifest/source", module + "hotreload/shared/visible", module + "internal/outdir", module + "hotreload/shared/regular", "github.com/go-chi/chi/v5", "github.com/gofrs/flock"},
		"hotreload/shared/visible":    {},
		"hotreload/shared/nettest":    {},
		"internal/release":            {"golang.org/x/mod/modfile", "golang.org/x/mod/module", "golang.org/x/mod/semver", "golang.org/x/mod/sumdb/dirhash", "golang.org/x/mod/zip"},
		"lspserver/trust":             {},
		"lspserver": {
			module + "hotreload/shared/visible", module + "lspserver/trust",
			module + "hotreload/manifest", module + "hotreload/manifest/shape", module + "manifest/source", module + "hotreload/control", module + "hotreload/control/transport", module + "internal/build", module + "internal/engine", module + "internal/outdir", module + "hotreload/shared/regular",
			module + "lspserver/internal/rpc", module + "lspserver/internal/text", module + "lspserver/internal/rewrite",
			"go.lsp.dev/protocol", "go.lsp.dev/jsonrpc2", "go.lsp.dev/uri", "golang.org/x/mod/modfile",
		},
		"lspserver/internal/rewrite": {module + "hotreload/manifest", module + "manifest/source", "golang.org/x/tools/go/ast/astutil", "golang.org/x/tools/go/types/typeutil"},
		"lspserver/internal/rpc":     {"go.lsp.dev/protocol", "go.lsp.dev/jsonrpc2"},
		"lspserver/internal/text":    {"go.lsp.dev/protocol"},

		"hotreload/shared/takeover": {},
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
		if dep == "plugin" || dep == "encoding/gob" || strings.Contains(dep, "fsnotify") || strings.HasPrefix(dep, "golang.org/x/tools") {
			t.Errorf("a production build of the runtime contains %s", dep)
		}
	}
}
