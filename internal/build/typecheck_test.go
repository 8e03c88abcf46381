package build

import (
	"errors"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTypeCheck: mistakes in the code of an application are found without compiling
// anything, and none that are not there.
func TestTypeCheck(t *testing.T) {
	a := newApp(t, "app.txtar")
	check := func() error {
		t.Helper()
		main, err := a.b.Main(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := a.b.Inspect(t.Context(), main)
		if err != nil {
			t.Fatal(err)
		}
		return a.b.TypeCheck(t.Context(), s)
	}
	if err := check(); err != nil {
		t.Fatalf("before any mistake: %v", err)
	}
	a.write("native.go", "package main\n\n// int two() { return 2; }\nimport \"C\"\n\nvar two = int(C.two())\n")
	if err := check(); err != nil {
		t.Errorf("with cgo: %v", err)
	}
	a.write("handlers/views/bad.go", "package views\n\nfunc bad() int {\n\tx := 1\n\treturn \"one\"\n}\n")
	a.write("store/bad.go", "package store\n\nvar _ = missing.Name\n")
	f, ok := errors.AsType[*Failure](check())
	if !ok {
		t.Fatal("no mistake was found")
	}
	var found []string
	for _, d := range f.Diagnostics {
		found = append(found, strings.TrimPrefix(d.String(), a.dir+"/"))
	}
	for _, want := range []string{"handlers/views/bad.go:4:2: ", "handlers/views/bad.go:5:9: ", "store/bad.go:3:9: "} {
		if text := strings.Join(found, "\n"); !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}

// TestTypeCheckOfDependency: what is not the user's to mend says nothing about his
// code.
func TestTypeCheckOfDependency(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte("package a\n\nvar x int = \"\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	p := &Package{ImportPath: "example.com/a", Name: "a", Dir: dir, GoFiles: []string{"a.go"}, Module: &Module{Path: "example.com/a", Version: "v1.0.0", Dir: dir}}
	c := &typeCheck{fset: token.NewFileSet(), sizes: types.SizesFor("gc", "amd64"), checked: map[string]*types.Package{}}
	if err := c.check(p); !errors.Is(err, ErrUnchecked) {
		t.Errorf("%v, want %v", err, ErrUnchecked)
	}
}
