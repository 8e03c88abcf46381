package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// readmeImports are what files in the README leave out, by the name that they use.
var readmeImports = map[string]string{
	"context": "context", "hotreload": "github.com/anvilforge/anvil-lsp/hotreload", "log": "log", "os": "os", "signal": "os/signal",
	"slog": "log/slog", "sql": "database/sql", "syscall": "syscall", "tls": "crypto/tls", "http": "net/http",
	"app": "example.com/hello/app", "web": "example.com/hello/web",
}

// readmeStubs are what they refer to, and is the reader's.
var readmeStubs = map[string]string{
	"handlers/handlers.go": "func newRouter(*sql.DB) http.Handler { return nil }\n",
	"main.go":              "func openDatabase() *sql.DB { return nil }\n",
	"web/web.go": "type posts struct{}\n\nfunc newPosts(*sql.DB, *slog.Logger) posts { return posts{} }\n\n" +
		"func (posts) list(http.ResponseWriter, *http.Request) {}\n",
	"jobs/jobs.go":       "func runJobs(context.Context) {}\n\nvar _ = serve\n",
	"sockets/sockets.go": "var _ = options\n",
}

// TestReadmeCompiles: what the README says about moving an application in is Go that
// compiles.
func TestReadmeCompiles(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "### Moving an existing application in\n")
	section, _, ok := strings.Cut(section, "\n## ")
	if !ok {
		t.Fatal("the README has no such section any more")
	}
	dir := harness.CopyApp(t, "hello")
	for _, name := range []string{"handlers", "visits", "main.go"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	files := 0
	for _, m := range regexp.MustCompile("(?s)```go\n// (\\S+)\n(package \\w+[^\n]*\n)(.*?)```").FindAllStringSubmatch(section, -1) {
		name, clause, body := m[1], m[2], m[3]+"\n"+readmeStubs[m[1]]
		var imports []string
		for use, path := range readmeImports {
			if regexp.MustCompile(`\b` + use + `\.[A-Z]`).MatchString(body) {
				imports = append(imports, fmt.Sprintf("import %q\n", path))
			}
		}
		slices.Sort(imports)
		path := filepath.Join(dir, filepath.FromSlash(name))
		testkit.WriteFile(t, path, clause+strings.Join(imports, "")+body)
		files++
	}
	if files != len(readmeStubs)+1 || files != strings.Count(section, "```go") {
		t.Errorf("%d of %d files were found", files, strings.Count(section, "```go"))
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", "./...")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
