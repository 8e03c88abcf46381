package build

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestConstraintToggled: a file leaves the build and comes back as go list says,
// however its constraint is written.
func TestConstraintToggled(t *testing.T) {
	const mark = "\uFEFF"
	const body = "package handlers\n\nfunc init() { loads += 10 }\n"
	tests := []struct{ name, in, out string }{
		{"a comment around it", "/*\n//go:build foo\n*/\n\n" + body, "\n//go:build foo\n\n\n" + body},
		{"byte order mark", mark + "//go:build !foo\n\n" + body, mark + "//go:build foo\n\n" + body},
		{"byte order mark and CRLF", mark + strings.ReplaceAll("//go:build !foo\n\n"+body, "\n", "\r\n"), mark + strings.ReplaceAll("//go:build foo\n\n"+body, "\n", "\r\n")},
		{"in a raw string", body + "\nconst text = `\n//go:build foo\n`\n", "//go:build foo\n\n" + body + "\nconst text = ``\n"},
		{"blank line", "// +build foo\n" + body, "// +build foo\n\n" + body},
	}
	a := newApp(t, "app.txtar")
	for i, tt := range tests {
		a.write(fmt.Sprintf("handlers/t%d.go", i), strings.Replace(tt.in, "loads += 10", "", 1))
	}
	a.start(a.host().Path)
	for i, tt := range tests {
		name := fmt.Sprintf("handlers/t%d.go", i)
		for _, step := range []struct{ text, want string }{{tt.in, "loads 11"}, {tt.out, "loads 1 "}, {tt.in, "loads 11"}, {tt.out, "loads 1 "}} {
			if _, got := a.swap(a.write(name, step.text)); !strings.Contains(got, step.want) {
				t.Errorf("%s: after %q the process says %q, want %q in it", tt.name, step.text, got, step.want)
			}
		}
	}
	// Below the package clause it is an error of the compiler, not nothing.
	plan := a.plan(a.write("handlers/t0.go", "package handlers\n\n//go:build foo\n\nfunc init() {}\n"))
	if _, err := a.b.Plugin(t.Context(), plan, a.gen+1); err == nil || !strings.Contains(err.Error(), "misplaced compiler directive") {
		t.Errorf("a constraint below the package clause: error %v", err)
	}
	if err := os.Remove(filepath.Join(a.dir, "handlers/t0.go")); err != nil {
		t.Fatal(err)
	}
	t.Run("host file", func(t *testing.T) {
		a.host()
		main := a.write("more.go", "/*\n//go:build foo\n*/\n\npackage main\n\nfunc init() {}\n")
		if plan := a.plan(main); plan.Rung != manifest.RungWarmRestart {
			t.Errorf("added: %q", plan.Rung)
		}
		a.host()
		if plan := a.plan(a.write("more.go", "//go:build foo\n\npackage main\n\nfunc init() {}\n")); plan.Rung != manifest.RungWarmRestart {
			t.Errorf("excluded: %q", plan.Rung)
		}
	})
	t.Run("by its name", func(t *testing.T) {
		old := a.write("handlers/os.go", body)
		a.start(a.host().Path)
		name := filepath.Join(a.dir, "handlers/os_windows.go")
		if err := os.Rename(old, name); err != nil {
			t.Fatal(err)
		}
		if _, got := a.swap(old, name); !strings.Contains(got, "loads 1 ") {
			t.Errorf("the process says %q", got)
		}
		if err := os.Rename(name, old); err != nil {
			t.Fatal(err)
		}
		if _, got := a.swap(old, name); !strings.Contains(got, "loads 11") {
			t.Errorf("the process says %q", got)
		}
	})
}

// TestEmbeddedSource: a package that embeds its own Go files has changed when
// they have, and each byte of them counts.
func TestEmbeddedSource(t *testing.T) {
	for _, pattern := range []string{"*", "embed.go", "all:sub sub/sub.go"} {
		a := newApp(t, "app.txtar")
		const text = "package res\n\nimport \"embed\"\n\n//go:embed %s\nvar FS embed.FS\n"
		a.write("res/other.txt", "x")
		sub := a.write("res/sub/sub.go", "package sub\n")
		a.write("res/embed.go", fmt.Sprintf(text, pattern))
		a.write("imports.go", "package main\n\nimport _ \"example.com/app/res\"\n")
		a.host()
		if plan := a.plan(a.edit("handlers/handlers.go", `"v1"`, `"v2"`)); plan.Rung != manifest.RungHotSwap {
			t.Errorf("%s: an edit of a handler: %q %v", pattern, plan.Rung, plan.Reasons)
		}
		embedded := sub
		if pattern == "embed.go" {
			embedded = filepath.Join(a.dir, "res/embed.go")
		}
		data, err := os.ReadFile(embedded)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(embedded, append(data, "// more\n"...), 0o666); err != nil {
			t.Fatal(err)
		}
		if plan := a.plan(embedded); plan.Rung != manifest.RungWarmRestart {
			t.Errorf("%s: a comment in what is embedded: %q", pattern, plan.Rung)
		}
	}
}

// TestOwnVendorDirectory: a directory of the user's that is named vendor holds
// packages like any other.
func TestOwnVendorDirectory(t *testing.T) {
	a := newApp(t, "app.txtar")
	file := a.write("handlers/internal/vendor/v.go", "package vendor\n\nfunc Name() string { return \"\" }\n")
	a.write("handlers/uses.go", "package handlers\n\nimport \"example.com/app/handlers/internal/vendor\"\n\nvar _ = vendor.Name()\n")
	a.start(a.host().Path)
	if err := os.WriteFile(file, []byte("package vendor\n\nimport \"strings\"\n\nfunc Name() string { return strings.ToUpper(\"a\") }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if plan := a.plan(file); !plan.Resolved || plan.Rung != manifest.RungHotSwap {
		t.Errorf("a new import: the go command was asked: %t, %q %v", plan.Resolved, plan.Rung, plan.Reasons)
	}
	a.swap(file)
	if edits := a.plan(a.edit("handlers/internal/vendor/v.go", "func Name", "// Name.\nfunc Name")).next.Edits(a.snap); len(edits) > 0 {
		t.Errorf("a comment is the edits %v", edits)
	}
}
