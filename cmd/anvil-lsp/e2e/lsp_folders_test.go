package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// TestEditorFolders: several applications, folders that come and go, and a
// folder that becomes an application while it is open.
func TestEditorFolders(t *testing.T) {
	a, b := harness.CopyApp(t, "hello"), harness.CopyApp(t, "hello")
	empty := t.TempDir()
	e := harness.StartEditor(t, a)
	e.Initialize(lsptest.Options{Folders: []string{a, empty}})
	live := func(dir string) func(*lsptest.State) bool {
		return func(s *lsptest.State) bool { return s.Status[uri.File(dir)].State == "live" }
	}
	e.Await("the first application", live(a))
	folder := func(dir string) map[string]string {
		return map[string]string{"uri": string(uri.File(dir)), "name": filepath.Base(dir)}
	}
	change := func(added, removed []any) {
		e.Notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{"added": added, "removed": removed}})
	}
	change([]any{folder(b)}, []any{})
	e.Await("the second application", live(b))
	if err := e.Call("anvil/statusOf", nil, nil); err == nil {
		t.Error("one of two applications was chosen")
	}
	var st struct {
		URL string `json:"url"`
	}
	e.Must("anvil/statusOf", map[string]any{"folder": uri.File(filepath.Join(b, "handlers"))}, &st)
	if st.URL == "" {
		t.Error("the second application has no address")
	}
	var routes struct {
		Routes []struct {
			Folder string `json:"folder"`
		} `json:"routes"`
	}
	e.Must("anvil/routes", nil, &routes)
	folders := map[string]int{}
	for _, r := range routes.Routes {
		folders[r.Folder]++
	}
	if len(folders) != 2 || folders[string(uri.File(a))] != folders[string(uri.File(b))] {
		t.Errorf("routes of %v", folders)
	}
	change([]any{}, []any{folder(a)})
	e.Await("the first to end", func(s *lsptest.State) bool { return s.Status[uri.File(a)].State == "off" })
	e.Must("anvil/statusOf", nil, nil) // only one is left

	// The empty folder becomes an application.
	if err := os.CopyFS(empty, os.DirFS(harness.CopyApp(t, "hello"))); err != nil {
		t.Fatal(err)
	}
	e.Open(filepath.Join(empty, "main.go"))
	e.Await("the third application", live(empty))
}

// TestEditorWithoutFolder: an editor without a folder opens a file of the handlers. Its
// application is asked about, and runs until the editor ends, also when the file
// is closed.
func TestEditorWithoutFolder(t *testing.T) {
	dir := harness.CopyApp(t, "hello")
	var mu sync.Mutex
	var asked []string
	e := harness.StartEditor(t, t.TempDir())
	e.Initialize(lsptest.Options{Untold: true, Answer: func(p *protocol.ShowMessageRequestParams) string {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, p.Message)
		if _, err := os.Lstat(filepath.Join(dir, ".anvil")); err == nil {
			asked = append(asked, "after something was written")
		}
		return "Run"
	}})
	file := filepath.Join(dir, "handlers", "handlers.go")
	e.Open(file)
	live := func(s *lsptest.State) bool { return s.Status[uri.File(dir)].State == "live" }
	e.Await("the application", live)
	e.Open(filepath.Join(dir, "main.go")) // of the same application
	e.Notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": uri.File(file)}})
	e.Must("anvil/statusOf", nil, nil) // there is one
	e.Open(file)
	e.Edit(file, "Hello!", "Welcome!")
	e.Save(file)
	e.Await("the second generation", func(s *lsptest.State) bool { return live(s) && s.Status[uri.File(dir)].Generation == 2 })
	mu.Lock()
	defer mu.Unlock()
	if len(asked) != 1 || !strings.Contains(asked[0], dir+"?") {
		t.Errorf("asked %q", asked)
	}
}

// TestEditorAddress: of two applications with the same address the second has
// no live server, but predictions, until the first is gone.
func TestEditorAddress(t *testing.T) {
	a, b := harness.CopyApp(t, "hello"), harness.CopyApp(t, "hello")
	address := nettest.Reserve(t)
	e := harness.StartEditor(t, a)
	e.Initialize(lsptest.Options{Folders: []string{a}, Settings: map[string]any{"address": address}})
	live := func(dir string) func(*lsptest.State) bool {
		return func(s *lsptest.State) bool {
			return s.Status[uri.File(dir)].State == "live" && s.Status[uri.File(dir)].URL == "http://"+address
		}
	}
	e.Await("the first application", live(a))
	change := func(added, removed []any) {
		e.Notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{"added": added, "removed": removed}})
	}
	change([]any{map[string]string{"uri": string(uri.File(b)), "name": "b"}}, []any{})
	e.Await("the second to be off", func(s *lsptest.State) bool {
		st := s.Status[uri.File(b)]
		return st.State == "off" && strings.Contains(st.Message, "anvil.address") && !strings.Contains(st.Message, "end that program")
	})
	file := filepath.Join(b, "handlers", "handlers.go")
	e.Open(file)
	e.Edit(file, "func AnvilRegisterRoutes(r *hotreload.RouteSink)", "func AnvilRegisterRoutes(r *hotreload.RouteSink, n int)")
	e.Await("a prediction without a live server", func(s *lsptest.State) bool {
		return slices.ContainsFunc(s.Diagnostics[uri.File(file)].Diagnostics, func(d protocol.Diagnostic) bool {
			return d.Code == protocol.String(manifest.CodeRegister)
		})
	})
	e.Edit(file, "func AnvilRegisterRoutes(r *hotreload.RouteSink, n int)", "func AnvilRegisterRoutes(r *hotreload.RouteSink)")
	messages := func() (n int) {
		e.Look(func(s *lsptest.State) { n = len(s.Messages) })
		return n
	}
	if n := messages(); n != 1 {
		t.Errorf("the user was told %d things", n)
	}
	change([]any{}, []any{map[string]string{"uri": string(uri.File(a)), "name": "a"}})
	e.Await("the second application", live(b))
	if n := messages(); n != 1 {
		t.Errorf("the user was told %d things", n)
	}
}

// TestEditorSilent: without an application one line of the log says so, and why.
// Nothing else is said, done or written.
func TestEditorSilent(t *testing.T) {
	harness.NeedProc(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	e := harness.StartEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir})
	e.Open("main.go")
	e.Edit("main.go", "func main() {}", "func main() { panic(1) }")
	e.Save("main.go")
	e.Await("the line of the log", func(s *lsptest.State) bool { return len(s.Log) > 0 })
	awaitIdle(t, e.Cmd.Process.Pid)
	e.Look(func(s *lsptest.State) {
		if len(s.Statuses)+s.Published+len(s.Messages)+len(s.Progress) > 0 || len(s.Log) != 1 {
			t.Errorf("the server said something else: %+v", s.Transcript)
		}
	})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("in the folder are %v, %v", entries, err)
	}
}
