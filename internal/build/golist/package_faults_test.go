package golist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// TestListing: a file that went away between listing and reading has the go
// command asked again, and not for ever.
func TestListing(t *testing.T) {
	gone := gocmd.Unreadable("/app/h.go", &fs.PathError{Op: "open", Path: "/app/h.go", Err: fs.ErrNotExist})
	denied := gocmd.Unreadable("/app/h.go", &fs.PathError{Op: "open", Path: "/app/h.go", Err: fs.ErrPermission})
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
		err := Listing(tt.ctx, func() error {
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

// TestDenied: what may not be read is told from other errors, whoever has said so
// and in whatever it is wrapped.
func TestDenied(t *testing.T) {
	l := &Lister{Toolchain: &gocmd.Toolchain{}}
	path := &fs.PathError{Op: "open", Path: "/app/h.go", Err: fs.ErrPermission}
	tool := func(output string) error {
		return &gocmd.ToolError{Tool: "go", Output: output, Err: errors.New("exit status 1")}
	}
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"read":                       {gocmd.Unreadable("/app/h.go", path), true},
		"gone":                       {gocmd.Unreadable("/app/h.go", &fs.PathError{Op: "open", Path: "/app/h.go", Err: fs.ErrNotExist}), false},
		"the compiler":               {l.CodeError(tool("open /app/h.go: permission denied\n"), "/app"), true},
		"the compiler, in assembly":  {l.CodeError(tool("asm: open /app/h.s: permission denied\n"), "/app"), true},
		"an embedded file":           {l.CodeError(tool("h.go:4:5: embed x.txt: open h/x.txt: permission denied\n"), "/app"), true},
		"what the system forbids":    {l.CodeError(tool("open /app/h.go: operation not permitted\n"), "/app"), true},
		"a mistake":                  {l.CodeError(tool("/app/h.go:1:1: syntax error\n"), "/app"), false},
		"go.mod":                     {l.ListFailure(tool("go: open /app/go.mod: permission denied\n")), true},
		"a directory":                {l.ListFailure(tool("main.go:6:2: open /app/inner: permission denied\n")), true},
		"a package":                  {gocmd.Fail(l.packageFault(&Graph{}, &Package{Error: &PackageError{Err: "open /app/h/h.go: permission denied"}})), true},
		"one of two":                 {gocmd.Fail(manifest.Diagnose(manifest.CodeCompile, manifest.Position{}, "syntax error"), manifest.Diagnose(manifest.CodeCompile, manifest.Position{}, "open x: permission denied")), true},
		"wrapped":                    {fmt.Errorf("listing: %w", gocmd.Unreadable("/app/h.go", path)), true},
		"said while it registered":   {gocmd.Fail(manifest.Diagnose(manifest.CodeRegister, manifest.Position{}, "panic: open config.yaml: permission denied")), false},
		"another error of a failure": {gocmd.Fail(), false},
	} {
		if got := errors.Is(tt.err, fs.ErrPermission); got != tt.want {
			t.Errorf("%s: %v is for want of permission: %t", name, tt.err, got)
		}
		if errors.Is(tt.err, fs.ErrExist) {
			t.Errorf("%s: is any error", name)
		}
	}
}

func TestDistinct(t *testing.T) {
	at := func(file, text string) manifest.Diagnostic {
		return manifest.Diagnose(manifest.CodeModuleChanged, manifest.Position{File: file}, "%s", text)
	}
	const advice = "; to add:\n\tgo get example.com/lib@v1.0.0"
	got := distinct([]manifest.Diagnostic{
		at("go.sum", "missing go.sum entry for module providing package example.com/lib"+advice),
		at("go.sum", "missing go.sum entry for module providing package example.com/lib/sub"+advice),                                      // the same module
		at("go.sum", "missing go.sum entry for module providing package example.com/third; to add:\n\tgo get example.com/lib/sub@v1.0.0"), // below what is added already
		at("go.sum", "missing go.sum entry for module providing package example.com/other; to add:\n\tgo get example.com/other"),
		at("go.sum", "missing go.sum entry for module providing package example.com/fourth; to add:\n\tgo get example.com/lib/sub@v1.1.0"),
		at("a.go", "undefined: x"),
		at("b.go", "undefined: x"),
		at("a.go", "undefined: x"), // though not beside the first one
	})
	if len(got) != 5 {
		t.Fatalf("%d are left: %v", len(got), got)
	}
	if got[3].File != "a.go" || got[4].File != "b.go" {
		t.Errorf("left are %v", got)
	}
}
