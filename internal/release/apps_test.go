package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// world is where a release can be downloaded.
type world struct {
	env []string
	c   checkout
	r   *released
}

// publish makes a release and a module proxy that has it. Everything else comes
// from this machine's module cache, or from where the go command gets it here.
func publish(t *testing.T) *world {
	t.Helper()
	c := newCheckout(t)
	r, err := release(t.Context(), c.dir, version)
	if err != nil {
		t.Fatal(err)
	}
	proxy := t.TempDir()
	c.serve(t, proxy, r.runtime.commit, runtimeDir, module.Version{Path: runtimeModule, Version: version})
	c.serve(t, proxy, r.tool.commit, "", module.Version{Path: toolModule, Version: version})
	// A module of which the tool requires a newer version.
	old := module.Version{Path: "golang.org/x/mod", Version: "v0.0.1"}
	text := "module golang.org/x/mod\n\ngo 1.20\n"
	write(t, text, proxy, old.Path, "@v", old.Version+".mod")
	write(t, `{"Version":"v0.0.1"}`, proxy, old.Path, "@v", old.Version+".info")
	dir := t.TempDir()
	write(t, text, dir, "go.mod")
	write(t, "package semver\n", dir, "semver/semver.go")
	archive := new(bytes.Buffer)
	if err := modzip.CreateFromDir(archive, old, dir); err != nil {
		t.Fatal(err)
	}
	write(t, archive.String(), proxy, old.Path, "@v", old.Version+".zip")

	out, err := exec.CommandContext(t.Context(), "go", "env", "-json", "GOPROXY", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	var here struct{ GOPROXY, GOMODCACHE string }
	if err := json.Unmarshal(out, &here); err != nil {
		t.Fatal(err)
	}
	return &world{c: c, r: r, env: append(os.Environ(),
		"GOPROXY=file://"+proxy+",file://"+filepath.ToSlash(here.GOMODCACHE)+"/cache/download,"+here.GOPROXY,
		// The versions are made up, so they must not stay, and nobody vouches for them.
		"GOMODCACHE="+t.TempDir(), "GOFLAGS=-modcacherw", "GOSUMDB=off", "GONOSUMDB=", "GOPRIVATE=", "GONOPROXY=", "GOWORK=", "GOTOOLCHAIN=local",
	)}
}

// serve puts a module of a revision into a module proxy.
func (c checkout) serve(t *testing.T, proxy, rev, dir string, m module.Version) {
	t.Helper()
	var b bytes.Buffer
	if err := c.zip(t.Context(), &b, rev, dir, m); err != nil {
		t.Fatal(err)
	}
	mod, err := c.file(t.Context(), rev, strings.TrimPrefix(dir+"/go.mod", "/"))
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(proxy, filepath.FromSlash(m.Path), "@v")
	write(t, m.Version+"\n", at, "list")
	write(t, fmt.Sprintf(`{"Version":%q}`, m.Version), at, m.Version+".info")
	write(t, string(mod), at, m.Version+".mod")
	write(t, b.String(), at, m.Version+".zip")
}

// run runs a program, in a directory.
func (w *world) run(t *testing.T, dir string, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, w.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, out, &stderr)
	}
	return string(out)
}

// app writes the hello application with a go.mod that requires chi alone.
func app(t *testing.T, chi string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/hello")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".anvil", "go.sum"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, "module example.com/hello\n\ngo 1.26\n\nrequire (\n\tgithub.com/go-chi/chi/v5 "+chi+"\n\tgolang.org/x/mod v0.0.1\n)\n", dir, "go.mod")
	write(t, "package uses\n\nimport (\n\t_ \"github.com/go-chi/chi/v5\"\n\t_ \"golang.org/x/mod/semver\"\n)\n", dir, "uses/uses.go")
	return dir
}

// oldestChi is the version that hotreload/go.mod requires.
func oldestChi(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "-C", "../../hotreload", "list", "-m", "-f", "{{.Version}}", "github.com/go-chi/chi/v5").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestApplications: what a release gives to applications, in all the ways in which
// they can get it.
func TestApplications(t *testing.T) {
	w, chi := publish(t), oldestChi(t)
	if testing.Short() {
		t.Run("get", func(t *testing.T) { w.get(t, chi) })
		t.Skip("builds anvil-lsp and applications")
	}
	// Trimmed, the packages of modules are in the build cache from the last time.
	bin := t.TempDir()
	install := &world{c: w.c, env: append(slices.Clip(w.env), "GOBIN="+bin)}
	install.run(t, t.TempDir(), "go", "install", "-trimpath", toolModule+"/cmd/anvil-lsp@"+version)
	anvil := filepath.Join(bin, "anvil-lsp")
	if got := w.run(t, bin, anvil, "--version"); !strings.Contains(got, version) {
		t.Errorf("anvil-lsp --version says %q", got)
	}
	serve := func(t *testing.T, dir string) {
		w.run(t, dir, anvil, "--serve", dir, "--once", "--addr", "127.0.0.1:0")
	}
	t.Run("get", func(t *testing.T) { serve(t, w.get(t, chi)) })
	t.Run("vendor", func(t *testing.T) {
		dir := w.get(t, chi)
		w.run(t, dir, "go", "mod", "vendor")
		found, err := os.ReadDir(filepath.Join(dir, "vendor/github.com/anvilforge/anvil-lsp"))
		if err != nil || len(found) != 1 || found[0].Name() != runtimeDir {
			t.Errorf("vendored of ours: %v, %v", found, err)
		}
		serve(t, dir)
	})
	t.Run("go.work", func(t *testing.T) {
		dir := w.get(t, chi)
		write(t, "go 1.26\n\nuse (\n\t.\n\t./more\n)\n", dir, "go.work")
		write(t, "module example.com/more\n\ngo 1.26\n", dir, "more/go.mod")
		write(t, "package more\n", dir, "more/more.go")
		write(t, "package uses\n\nimport _ \"example.com/more\"\n", dir, "uses/more.go")
		serve(t, dir)
	})
	t.Run("checkout", func(t *testing.T) {
		// As README.md says it.
		dir := app(t, chi)
		w.run(t, dir, "go", "mod", "edit", "-require", runtimeModule+"@v0.0.0", "-replace", runtimeModule+"="+filepath.Join(w.c.dir, runtimeDir))
		w.run(t, dir, "go", "mod", "tidy")
		serve(t, dir)
	})
	t.Run("init", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "new")
		w.run(t, bin, anvil, "init", dir)
		w.run(t, dir, "go", "mod", "tidy")
		if _, found := w.graph(t, dir); !maps.Equal(found, map[string]bool{"example.com/new": true, runtimeModule: true, "github.com/go-chi/chi/v5": true}) {
			t.Errorf("a new project needs %v", found)
		}
		w.run(t, dir, "go", "vet", "./...")
	})
}

// get adds the runtime to an application with old requirements, and returns its
// directory. They stay as they are, and nothing else comes along.
func (w *world) get(t *testing.T, chi string) string {
	t.Helper()
	dir := app(t, chi)
	w.run(t, dir, "go", "get", runtimeModule+"@latest")
	w.run(t, dir, "go", "mod", "tidy")
	lines, found := w.graph(t, dir)
	want := map[string]bool{
		"example.com/hello github.com/go-chi/chi/v5@" + chi: true, "example.com/hello golang.org/x/mod@v0.0.1": true,
		"example.com/hello " + runtimeModule + "@" + version:               true,
		runtimeModule + "@" + version + " github.com/go-chi/chi/v5@" + chi: true,
	}
	if !maps.Equal(lines, want) {
		t.Errorf("go mod graph:\n%v\nwant\n%v", lines, want)
	}
	if len(found) != 4 {
		t.Errorf("modules %v", found)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.Contains(string(mod), "\ngo 1.26\n") {
		t.Errorf("go.mod: %s, %v", mod, err)
	}
	return dir
}

// graph returns what go mod graph prints, without what is about Go's own version,
// and the modules in it.
func (w *world) graph(t *testing.T, dir string) (lines, modules map[string]bool) {
	t.Helper()
	lines, modules = map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(w.run(t, dir, "go", "mod", "graph")) {
		line = strings.TrimSpace(line)
		from, to, _ := strings.Cut(line, " ")
		if strings.HasPrefix(to, "go@") || strings.HasPrefix(to, "toolchain@") || strings.HasPrefix(from, "go@") {
			continue
		}
		lines[line] = true
		for _, m := range []string{from, to} {
			path, _, _ := strings.Cut(m, "@")
			modules[path] = true
		}
	}
	return lines, modules
}
