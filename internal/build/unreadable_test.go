package build

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// TestUnreadable: a file that cannot be read is one finding about that file.
func TestUnreadable(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.host()
	file := filepath.Join(a.dir, "handlers/double.go")
	for name, err := range map[string]error{
		"compiler":   a.b.tools.CodeError(&gocmd.ToolError{Tool: "compile", Output: "open " + file + ": permission denied\n"}, a.dir),
		"reading":    gocmd.Unreadable(file, &fs.PathError{Op: "open", Path: file, Err: fs.ErrPermission}),
		"as compile": a.b.tools.CodeError(&gocmd.ToolError{Tool: "compile", Output: "compile: open " + file + ": permission denied\n"}, a.dir),
	} {
		f, ok := errors.AsType[*Failure](err)
		if !ok || len(f.Diagnostics) != 1 || f.Diagnostics[0].File != file || f.Diagnostics[0].Code != manifest.CodeCompile || err.Error() != file+": the file cannot be read: permission denied [ANV009]" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A link that leads nowhere stays so, however often it is looked at.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere.go", file); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.b.Plan(t.Context(), a.snap, []string{file}); err == nil || !strings.Contains(err.Error(), "double.go") {
		t.Errorf("a link to nowhere: %v", err)
	}
}
