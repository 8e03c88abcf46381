package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

func TestManifestCommands(t *testing.T) {
	p := newProgram(t, nil)
	route := func(pattern, signature string) manifest.Route {
		return manifest.Route{Method: "GET", Pattern: pattern, Handler: "handlers.get", Signature: signature, Fingerprint: signature}
	}
	one := &manifest.Manifest{Generation: 1, Handlers: "h", Routes: []manifest.Route{route("/", "func(int)")}}
	three := &manifest.Manifest{Generation: 3, Handlers: "h", Routes: []manifest.Route{route("/", "func(string)")}}
	four := &manifest.Manifest{Generation: 4, Handlers: "h", Routes: []manifest.Route{route("/", "func(string)")}}

	start := p.dir
	run := func(args string, code int, stdout, stderr string) {
		t.Helper()
		p.stdout.Reset()
		p.stderr.Reset()
		if got := p.run(t.Context(), strings.Fields("manifest "+args)); got != code || !strings.Contains(p.stdout.String(), stdout) || !strings.Contains(p.stderr.String(), stderr) || stdout == "" && p.stdout.String() != "" {
			t.Errorf("manifest %s: exit code %d, want %d\n%s\n%s", args, got, code, p.stdout, p.stderr)
		}
	}
	run("show", 1, "", "no generation was live in "+start+" yet")
	run("diff", 2, "", "no generation was live")
	run("diff --nope", 2, "", "unknown flag")
	run("shwo", 2, "", "did you mean show?")

	writeManifest(t, four, engine.ManifestPath(start))
	run("show 2", 1, "", "the history in "+start+" is empty")
	run("diff", 2, "", "no manifest of a generation before 4")
	writeManifest(t, one, engine.HistoryPath(start, 1))
	writeManifest(t, three, engine.HistoryPath(start, 3))
	p.dir = filepath.Join(start, "below", "it") // need not exist
	run("show", 0, "generation 4  h\n", "")
	run("show 1", 0, "GET     /        handlers.get  func(int)", "")
	run("show 4 --json", 0, `"generation": 4`, "")
	run("show 2", 1, "", "no manifest of generation 2: the history in "+start+" has 1 3")
	run("show x", 2, "", "numbered from 1")
	run("show --dir "+filepath.Join(start, "nowhere"), 1, "", "no generation was live in")
	run("diff", 0, "generation 3 → 4: no difference\n", "")
	run("diff 1", 1, "~ route  GET /  func(int) → func(string)\n", "")
	run("diff 3 1", 1, "~ route  GET /  func(string) → func(int)\n", "")
	run("diff 3 4", 0, "generation 3 → 4: no difference\n", "")
	run("diff 1 4 --json", 1, `"from": 1`, "")
	run("diff 1 --dir "+start, 1, "~ route", "")
	run("diff 0", 2, "", "numbered from 1")
	run("diff 1 9", 2, "", "no manifest of generation 9")
	run("diff 1 2 3", 2, "", `unexpected argument "3"`)

	if err := os.WriteFile(engine.HistoryPath(start, 1), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	run("diff 1", 2, "", "unusable manifest")
	if err := os.WriteFile(engine.ManifestPath(start), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	run("show", 1, "", "format 0, this version reads 1; the next generation that goes live replaces it")
}
