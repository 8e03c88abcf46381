package build

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestToolchainSwitch: when a module file makes the go command one of another
// toolchain, the change is refused with its reason, and undone it is as before.
func TestToolchainSwitch(t *testing.T) {
	real, err := exec.LookPath("go")
	if err != nil {
		t.Skip(err)
	}
	// A go command that finds another toolchain when go.mod asks for it.
	fake := filepath.Join(t.TempDir(), "go")
	writeTool(t, fake, `if [ "$1" = env ] && grep -q "^toolchain" go.mod; then
	`+real+` "$@" | sed 's/"GOVERSION": "[^"]*"/"GOVERSION": "go1.99.0"/'
else
	exec `+real+` "$@"
fi`)
	a := newApp(t, "app.txtar", func(c *Config) {
		c.Go = fake
		c.Env = append(os.Environ(), "GOTOOLCHAIN=local")
	})
	a.start(a.host().Path)
	name := a.edit("go.mod", "go 1.26.0\n", "go 1.26.0\n\ntoolchain go1.26.1\n")
	check := func(what string, err error) {
		t.Helper()
		f, ok := errors.AsType[*Failure](err)
		if !ok {
			t.Fatalf("%s: error %v, want a *Failure", what, err)
		}
		d := f.Diagnostics[0]
		if d.Code != manifest.CodeModuleChanged || d.Severity != manifest.SeverityError || d.File != name || d.Line != 5 || !strings.Contains(d.Message, "go1.99.0") {
			t.Errorf("%s: %+v", what, d)
		}
	}
	_, _, err = a.b.Plan(t.Context(), a.snap, []string{name})
	check("plan", err)
	_, _, err = a.b.Host(t.Context(), ".", a.gen+1, nil, Stages{})
	check("restart", err)
	a.edit("go.mod", "\ntoolchain go1.26.1\n", "")
	if _, said := a.swap(name, a.edit("handlers/handlers.go", `"v1"`, `"v2"`)); !strings.HasPrefix(said, "v2 ") {
		t.Errorf("the process says %q", said)
	}
}
