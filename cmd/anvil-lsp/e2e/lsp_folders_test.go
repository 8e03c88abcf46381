package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// TestEditorFolders: several applications, folders that come and go, and a
// folder that becomes an application while it is open.
func TestEditorFolders(t *testing.T) {
	a, b := copyApp(t, "hello"), copyApp(t, "hello")
	empty := t.TempDir()
	e := startEditor(t, a)
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
	if err := os.CopyFS(empty, os.DirFS(copyApp(t, "hello"))); err != nil {
		t.Fatal(err)
	}
	e.Open(filepath.Join(empty, "main.go"))
	e.Await("the third application", live(empty))
}

// TestEditorSilent: without an application nothing is said, done or written.
func TestEditorSilent(t *testing.T) {
	needProc(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	e := startEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir})
	e.Open("main.go")
	e.Edit("main.go", "func main() {}", "func main() { panic(1) }")
	e.Save("main.go")
	awaitIdle(t, e.cmd.Process.Pid)
	e.Look(func(s *lsptest.State) {
		if len(s.Statuses)+s.Published+len(s.Log)+len(s.Messages)+len(s.Progress) > 0 {
			t.Errorf("the server said something: %+v", s.Transcript)
		}
	})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("in the folder are %v, %v", entries, err)
	}
}
