package gocmd

import (
	"bytes"
	"fmt"
	gobuild "go/build"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestToolchainLine(t *testing.T) {
	tests := []struct {
		name, text string
		line       int
	}{
		{"toolchain", "module m\n\ngo 1.26\n\ntoolchain go1.26.1\n\nrequire go.example v1.0.0\n", 5},
		{"language only", "module m\n\ngo 1.26\n", 3},
		{"neither", "module m\n", 0},
	}
	for _, tt := range tests {
		file := filepath.Join(t.TempDir(), "go.mod")
		if err := os.WriteFile(file, []byte(tt.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if got := toolchainLine(file); got.File != file || got.Line != tt.line {
			t.Errorf("%s: %s, want line %d", tt.name, got, tt.line)
		}
	}
	if got := toolchainLine(filepath.Join(t.TempDir(), "none")); got.Line != 0 {
		t.Errorf("no file: %s", got)
	}
}

// TestNewestRuntime: it is the release up to which the runtime is built
// with what reads the runtime's data.
func TestNewestRuntime(t *testing.T) {
	names, err := filepath.Glob("../../../hotreload/internal/clash/*.go")
	if err != nil {
		t.Fatal(err)
	}
	minor, err := strconv.Atoi(strings.TrimPrefix(NewestRuntime, "go1."))
	if err != nil {
		t.Fatal(err)
	}
	reads := func(minor int) (files []string) {
		ctx := gobuild.Default
		ctx.BuildTags, ctx.ReleaseTags = []string{HotTag}, nil
		for m := 1; m <= minor; m++ {
			ctx.ReleaseTags = append(ctx.ReleaseTags, fmt.Sprintf("go1.%d", m))
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if built, err := Matcher(ctx)(name, text); err != nil {
				t.Fatal(err)
			} else if built && bytes.Contains(text, []byte("itablinks")) {
				files = append(files, filepath.Base(name))
			}
		}
		return files
	}
	if files := reads(minor); len(files) == 0 {
		t.Errorf("with %s nothing reads the runtime's data", NewestRuntime)
	}
	if files := reads(minor + 1); len(files) > 0 {
		t.Errorf("%v read the data of a newer runtime than %s", files, NewestRuntime)
	}
}
