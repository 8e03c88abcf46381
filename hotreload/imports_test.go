package hotreload

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// What an application links in is a promise: packages of this module and chi,
// beside the standard library; and no loading of plugins in production.
func TestImports(t *testing.T) {
	const chi = "github.com/go-chi/chi/v5"
	below := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, manifest.RuntimePath+"/"+name)
		}
		return paths
	}
	allowed := append(below(
		"manifest", "manifest/rules", "manifest/shape", "manifest/symbol",
		"internal/bind", "internal/migrate", "internal/process", "internal/reply", "internal/stack", "shared/visible",
	), manifest.RuntimePath, chi)
	hot := append(below(
		"control", "control/transport", "internal/clash", "internal/handoff", "internal/image", "internal/mapped",
		"internal/observe", "internal/plugins",
		"shared/devpage", "shared/plural", "shared/regular", "shared/takeover",
	), chi+"/middleware")
	for _, tags := range []string{"", "anvilhot"} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags="+tags, "-f", "{{.ImportPath}} {{.Standard}}", ".").Output()
		if err != nil {
			t.Fatal(err)
		}
		var standard []string
		for line := range strings.Lines(string(out)) {
			path, isStandard, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch {
			case isStandard == "true":
				standard = append(standard, path)
			case tags == "anvilhot" && slices.Contains(hot, path):
			case !slices.Contains(allowed, path):
				t.Errorf("with tags %q the package depends on %s", tags, path)
			}
		}
		if !slices.Contains(standard, "net/http") {
			t.Fatalf("go list shows no net/http:\n%s", out)
		}
		if loads := slices.Contains(standard, "plugin"); loads != (tags == "anvilhot") {
			t.Errorf("with tags %q the package depends on plugin: %v", tags, loads)
		}
	}
}
