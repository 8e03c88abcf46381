package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEdit(t *testing.T) {
	const text = "package p\n\nfunc F() int { return 1 }\n"
	offset, err := findBody("p.go", text, name{"p", "", "F"})
	if err != nil {
		t.Fatal(err)
	}
	e := newEdits()
	first, second := e.next([]byte(text), offset), e.next([]byte(text), offset)
	if bytes.Equal(first, second) {
		t.Error("two edits are the same")
	}
	if bytes.Equal(first, newEdits().next([]byte(text), offset)) {
		t.Error("an edit is the same in another run")
	}
	// The compiler must not find that nothing has changed.
	loops := regexp.MustCompile(`CMPQ.*\$(\d+)`)
	var got []string
	for _, edit := range [][]byte{first, second} {
		file := filepath.Join(t.TempDir(), "p.go")
		if err := os.WriteFile(file, edit, 0o666); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", "tool", "compile", "-p", "p", "-S", "-o", os.DevNull, file)
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, edit, out)
		}
		for _, m := range loops.FindAllStringSubmatch(string(out), -1) {
			got = append(got, m[1])
		}
	}
	if !slices.Equal(got, []string{"2", "3"}) {
		t.Errorf("the code of the edits counts to %q", got)
	}
}

func TestRestore(t *testing.T) {
	const original = "package p\n\nfunc F() {}\n"
	for _, c := range []struct {
		name, now string // what the file has when it is put back
		want      string
		fails     bool
	}{
		{"our edit", "edit of ours", original, false},
		{"half of our edit", "edit", original, false},
		{"nothing of it", "", original, false},
		{"the original already", original, original, false},
		{"an edit by somebody else", "edit of ours and theirs", "edit of ours and theirs", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "p.go")
			if err := os.WriteFile(file, []byte(original), 0o640); err != nil {
				t.Fatal(err)
			}
			s, err := readSource(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.restore(); err != nil {
				t.Fatalf("before any edit: %v", err)
			}
			if err := s.save([]byte("edit of ours")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(c.now), 0o640); err != nil {
				t.Fatal(err)
			}
			if err := restoreAll([]*source{s}); (err != nil) != c.fails {
				t.Errorf("error %v", err)
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("the file has %q, want %q", got, c.want)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("its mode is %v, %v", info.Mode(), err)
			}
		})
	}
}

// sourcesOf returns the Go files below dir and what is in them.
func sourcesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"*.go", "*/*.go", "go.*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if strings.Contains(f, ".anvil") {
				continue
			}
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			files[f] = string(data)
		}
	}
	return files
}

// buildTool builds the anvil-lsp to measure.
func buildTool(t *testing.T, ctx context.Context) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "anvil-lsp")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", tool, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return tool
}

const testTimeout = 5 * time.Minute
