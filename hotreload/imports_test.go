package hotreload

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What an application links in is a promise: this package, manifest, control
// and chi, beside the standard library; and no loading of plugins in production.
func TestImports(t *testing.T) {
	allowed := []string{importPath, modulePath + "/manifest", modulePath + "/hotreload/control", modulePath + "/hotreload/internal/handoff", modulePath + "/hotreload/internal/takeover", modulePath + "/internal/visible", modulePath + "/internal/regular", "github.com/go-chi/chi/v5"}
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
			case tags == "anvilhot" && path == "github.com/go-chi/chi/v5/middleware":
			case !slices.Contains(allowed, path):
				t.Errorf("with tags %q the package depends on %s", tags, path)
			case tags == "" && (path == modulePath+"/hotreload/control" || path == modulePath+"/internal/regular" || strings.HasPrefix(path, modulePath+"/hotreload/internal/")):
				t.Errorf("the production build depends on %s", path)
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
