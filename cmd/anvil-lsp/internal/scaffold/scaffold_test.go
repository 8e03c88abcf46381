package scaffold

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// source is the checkout that the test runs in.
func source(t *testing.T) Source {
	t.Helper()
	s, err := FindSource()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.Checkout, "hotreload", "doc.go")); err != nil {
		t.Fatalf("not a checkout: %+v", s)
	}
	return s
}

// tree lists the files below a directory.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, name) // below dir
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// offline runs the go command without network.
func offline(t *testing.T, dir string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestInit(t *testing.T) {
	src := source(t)
	dir := filepath.Join(t.TempDir(), "below", "My App")
	res, err := Init(Options{Dir: dir, Source: src})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{".gitignore", "README.md", "go.mod", "go.sum", "handlers/handlers.go", "handlers/handlers_test.go", "handlers/home.html", "main.go"}
	if got := tree(t, dir); !slices.Equal(got, want) || !slices.Equal(res.Files, want) {
		t.Errorf("files %q, reported %q, want %q", got, res.Files, want)
	}
	if res.Module != "example.com/my-app" || res.Dir != dir || res.Tidy {
		t.Errorf("result %+v", res)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.Contains(string(mod), "replace github.com/anvilforge/anvil-lsp/hotreload => ") {
		t.Errorf("go.mod: %s, %v", mod, err)
	}
	offline(t, dir, "vet", "./...")
	offline(t, dir, "vet", "-tags=anvilhot", "./...")
	offline(t, dir, "test", "./...")
	if out := offline(t, dir, "mod", "verify"); !strings.Contains(out, "all modules verified") {
		t.Errorf("go mod verify: %s", out)
	}
	if formatted, err := exec.CommandContext(t.Context(), "gofmt", "-l", dir).CombinedOutput(); err != nil || len(formatted) > 0 {
		t.Errorf("gofmt: %s, %v", formatted, err)
	}
}

// TestModuleFilesInsideCheckout: a project inside the checkout names it by a relative
// path.
func TestModuleFilesInsideCheckout(t *testing.T) {
	src := source(t)
	mod, err := src.moduleFiles(filepath.Join(src.Checkout, "testdata", "new"), "example.com/new")
	if err != nil || !strings.Contains(string(mod.mod), "replace github.com/anvilforge/anvil-lsp/hotreload => ../../hotreload\n") {
		t.Errorf("go.mod:\n%s, %v", mod.mod, err)
	}
}

func TestInitOfRelease(t *testing.T) {
	dir := t.TempDir()
	res, err := Init(Options{Dir: dir, Module: "shop/v2", Source: Source{Version: "v1.2.3"}})
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	const want = "module shop/v2\n\ngo 1.26\n\nrequire github.com/anvilforge/anvil-lsp/hotreload v1.2.3\n"
	if err != nil || string(mod) != want {
		t.Errorf("go.mod %q, want %q; %v", mod, want, err)
	}
	if !res.Tidy || slices.Contains(res.Files, "go.sum") {
		t.Errorf("result %+v", res)
	}
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil || !strings.HasPrefix(string(readme), "# shop\n") || !strings.Contains(string(readme), "go mod tidy") || strings.Contains(string(readme), "go install") {
		t.Errorf("README.md: %s, %v", readme, err)
	}
}

// TestRefusals: where Init refuses it writes nothing.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, dir, module string
		is                error
		says              string
	}{
		{"not empty", "full", "", ErrNotEmpty, "holds a, b, c and 2 more"},
		{"file", "full/a", "", nil, "is a file"},
		{"below a file", "full/a/b", "", nil, "a"},
		{"module path", "new", "no spaces", ErrModulePath, "no spaces"},
		{"standard library", "new", "cmd/x", ErrModulePath, "is taken"},
		{"the runtime's own", "new", RuntimeModule, ErrModulePath, "is taken"},
		{"the tool's own", "new", ToolModule, ErrModulePath, "is taken"},
		{"major version", "new", "example.com/x/v1", ErrModulePath, "major version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.Mkdir(filepath.Join(root, "full"), 0o777); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				if err := os.WriteFile(filepath.Join(root, "full", name), nil, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			before := tree(t, root)
			_, err := Init(Options{Dir: filepath.Join(root, filepath.FromSlash(tt.dir)), Module: tt.module, Source: Source{Version: "v1.2.3"}})
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want one that says %q", err, tt.says)
			}
			if after := tree(t, root); !slices.Equal(before, after) {
				t.Errorf("files before %q, after %q", before, after)
			}
			if entries, _ := os.ReadDir(root); len(entries) != 1 {
				t.Errorf("a directory was left: %v", entries)
			}
		})
	}
}

// TestWriteTakesBack: a project that cannot be written whole is not left half.
func TestWriteTakesBack(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "x", "y")
	err := write(dir, []file{{"a", nil}, {"b/c", nil}, {"a", nil}})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want fs.ErrExist", err)
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestInitInClone(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Init(Options{Dir: dir, Source: Source{Version: "v1.2.3"}}); err != nil {
		t.Error(err)
	}
}

func TestNameFrom(t *testing.T) {
	for base, want := range map[string]string{
		"hello": "hello", "My App": "my-app", "Ünï": "n", "..": "app", "日本": "app", "-x-": "x", "a.b": "a.b", "con": "app",
	} {
		if got := nameFrom(base); got != want {
			t.Errorf("nameFrom(%q) = %q, want %q", base, got, want)
		}
	}
}

func TestReleased(t *testing.T) {
	for version, want := range map[string]bool{
		"": false, "(devel)": false, "v1.2.3": true, "v1.2.3-rc.1": true, "v1.2.3+dirty": false, "v0.0.0-20260314120000-0123456789ab": false,
	} {
		if got := released(version); got != want {
			t.Errorf("released(%q) = %v", version, got)
		}
	}
}

func TestGoWork(t *testing.T) {
	root := t.TempDir()
	t.Setenv("GOWORK", "")
	work := filepath.Join(root, "go.work")
	dir := filepath.Join(root, "a", "b")
	if got := goWork(dir); got != "" && strings.HasPrefix(got, root) {
		t.Errorf("without a go.work: %q", got)
	}
	for text, want := range map[string]string{
		"go 1.26\n": work, "go 1.26\nuse ./a/b\n": "", "go 1.26\nuse ./a\n": work, "broken": work,
	} {
		if err := os.WriteFile(work, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if got := goWork(dir); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	t.Setenv("GOWORK", "off")
	if got := goWork(dir); got != "" {
		t.Errorf("GOWORK=off: %q", got)
	}
}

// TestRuntimeNeeds compares the modules that a project requires with what the
// runtime imports, in both of its builds.
func TestRuntimeNeeds(t *testing.T) {
	src := source(t)
	for _, tags := range []string{"", "anvilhot"} {
		out := offline(t, src.Checkout, "list", "-deps", "-tags="+tags, "-f", "{{with .Module}}{{.Path}}{{end}}", RuntimeModule)
		modules := strings.Fields(out)
		slices.Sort(modules)
		modules = slices.DeleteFunc(slices.Compact(modules), func(m string) bool { return m == RuntimeModule })
		if !slices.Equal(modules, runtimeNeeds[:]) {
			t.Errorf("tags %q: the runtime imports %q, a project requires %q", tags, modules, runtimeNeeds)
		}
	}
}
