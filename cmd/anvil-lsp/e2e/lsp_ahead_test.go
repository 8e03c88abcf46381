package e2e

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// TestEditorBuildsAhead: while nobody types, what the next save will load is
// built. It is not loaded before the save, and only loaded then; what is saved
// instead of it is built as ever.
func TestEditorBuildsAhead(t *testing.T) {
	dir := harness.CopyApp(t, "blog")
	e := harness.OpenEditor(t, dir, nil)
	client := transport.NewClient(engine.SocketPath(dir))
	defer client.Close()
	compiled := func() string {
		var s control.Status
		if err := client.Get(t.Context(), control.PathStatus, &s); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(s.Last.Steps, func(step control.Step) bool { return step.Name == control.StepCompile })
		if i < 0 {
			t.Fatalf("%s was not compiled: %v", s.Last.Kind, s.Last.Steps)
		}
		return s.Last.Steps[i].Detail
	}
	const file, was = "handlers/debug.go", "\treturn c.JSON(http.StatusOK, map[string]any{\n"
	e.Open(file)
	e.Edit(file, was, was+"\t\t\"ahead\": \"one\",\n")
	harness.Until(t, "a plugin that is built ahead", func() bool { return len(harness.Glob(t, dir, ".anvil/gen/0002-*.so")) > 0 })
	if status, body := e.Get("/whoami"); status != http.StatusOK || strings.Contains(body, "ahead") {
		t.Errorf("before the save: %d %s", status, body)
	}
	e.Save(file)
	e.Await("generation 2", func(s *lsptest.State) bool { return s.Live(2) })
	if _, body := e.Get("/whoami"); !strings.Contains(body, "one") {
		t.Errorf("after the save: %s", body)
	}
	if got := compiled(); got != "built ahead" {
		t.Errorf("generation 2 was compiled: %q", got)
	}

	// Switched off.
	e.Configure(map[string]any{"buildAhead": false})
	e.Must("anvil/statusOf", nil, nil) // the settings have been asked for
	e.Edit(file, "\"one\"", "\"two\"")
	e.Save(file)
	e.Await("generation 3", func(s *lsptest.State) bool { return s.Live(3) })
	if _, body := e.Get("/whoami"); !strings.Contains(body, "two") {
		t.Errorf("after the second save: %s", body)
	}
	if got := compiled(); got == "built ahead" {
		t.Error("generation 3 was built ahead, though that is switched off")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".anvil/gen/0003-*.so")); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}
