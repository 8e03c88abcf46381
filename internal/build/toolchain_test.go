package build

import (
	"bytes"
	"errors"
	"fmt"
	gobuild "go/build"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

func TestToolchainLine(t *testing.T) {
	tests := []struct {
		name, text string
		line       int
	}{
		{"toolchain", "module m\n\ngo 1.26\n\ntoolchain go1.26.1\n\nrequire go.example v1.0.0\n", 5},
		{"language only", "module m\n\ngo 1.26\n", 3},
		{"neither", "module m\n", 0},
	}
	for _, tt := range tests {
		file := filepath.Join(t.TempDir(), "go.mod")
		if err := os.WriteFile(file, []byte(tt.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if got := toolchainLine(file); got.File != file || got.Line != tt.line {
			t.Errorf("%s: %s, want line %d", tt.name, got, tt.line)
		}
	}
	if got := toolchainLine(filepath.Join(t.TempDir(), "none")); got.Line != 0 {
		t.Errorf("no file: %s", got)
	}
}

// TestNewestRuntime: it is the release up to which package hotreload is built
// with what reads the runtime's data.
func TestNewestRuntime(t *testing.T) {
	names, err := filepath.Glob("../../hotreload/hot_*.go")
	if err != nil {
		t.Fatal(err)
	}
	minor, err := strconv.Atoi(strings.TrimPrefix(NewestRuntime, "go1."))
	if err != nil {
		t.Fatal(err)
	}
	reads := func(minor int) (files []string) {
		ctx := gobuild.Default
		ctx.BuildTags, ctx.ReleaseTags = []string{HotTag}, nil
		for m := 1; m <= minor; m++ {
			ctx.ReleaseTags = append(ctx.ReleaseTags, fmt.Sprintf("go1.%d", m))
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if matcher(ctx)(name, text) && bytes.Contains(text, []byte("itablinks")) {
				files = append(files, filepath.Base(name))
			}
		}
		return files
	}
	if files := reads(minor); len(files) == 0 {
		t.Errorf("with %s nothing reads the runtime's data", NewestRuntime)
	}
	if files := reads(minor + 1); len(files) > 0 {
		t.Errorf("%v read the data of a newer runtime than %s", files, NewestRuntime)
	}
}
