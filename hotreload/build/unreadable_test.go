package build

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// TestListing: a file that went away between listing and reading has the go
// command asked again, and not for ever.
func TestListing(t *testing.T) {
	gone := unreadable("/app/h.go", &fs.PathError{Op: "open", Path: "/app/h.go", Err: fs.ErrNotExist})
	denied := unreadable("/app/h.go", &fs.PathError{Op: "open", Path: "/app/h.go", Err: fs.ErrPermission})
	ended, end := context.WithCancel(t.Context())
	end()
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		errs  []error // then nil
		calls int
		want  error
	}{
		{"there", t.Context(), nil, 1, nil},
		{"gone once", t.Context(), []error{gone}, 2, nil},
		{"gone three times", t.Context(), []error{gone, gone, gone}, 4, nil},
		{"gone each time", t.Context(), []error{gone, gone, gone, gone, gone}, 4, gone},
		{"may not be read", t.Context(), []error{denied, denied}, 1, denied},
		{"another error", t.Context(), []error{fs.ErrNotExist, nil}, 1, fs.ErrNotExist},
		{"ended", ended, []error{gone, gone}, 1, gone},
	} {
		calls := 0
		err := listing(tt.ctx, func() error {
			calls++
			if calls <= len(tt.errs) {
				return tt.errs[calls-1]
			}
			return nil
		})
		if calls != tt.calls || !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %d calls, error %v", tt.name, calls, err)
		}
	}
}

// TestUnreadable: a file that cannot be read is one finding about that file.
func TestUnreadable(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.host()
	file := filepath.Join(a.dir, "handlers/double.go")
	for name, err := range map[string]error{
		"compiler":   a.b.codeError(&ToolError{Tool: "compile", Output: "open " + file + ": permission denied\n"}, a.dir),
		"reading":    unreadable(file, &fs.PathError{Op: "open", Path: file, Err: fs.ErrPermission}),
		"as compile": a.b.codeError(&ToolError{Tool: "compile", Output: "compile: open " + file + ": permission denied\n"}, a.dir),
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
