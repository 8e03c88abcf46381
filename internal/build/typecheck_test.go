package build

import (
	"errors"
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
	a.write("native/native.go", "package native\n\n// enum { TWO = 2 };\n// static int two(void) { return 2; }\nimport \"C\"\n\nconst Two = C.TWO\n\ntype Err C.int\n\nfunc Version() C.int { return C.two() }\n")
	a.write("native.go", "package main\n\nimport \"example.com/app/native\"\n\nfunc audit(op int) int { return op }\n\nvar _ = audit(native.Two) + int(native.Version()) + int(native.Err(3))\n")
	if err := check(); err != nil {
		t.Errorf("with cgo: %v", err)
	}
	a.write("handlers/views/bad.go", "package views\n\nfunc bad() int {\n\tx := 1\n\treturn \"one\"\n}\n")
	a.write("handlers/internal/list/bad.go", "package list\n\nfunc open() {\n")
	a.write("store/bad.go", "package store\n\nvar _ = missing.Name\n")
	f, ok := errors.AsType[*Failure](check())
	if !ok {
		t.Fatal("no mistake was found")
	}
	var found []string
	for _, d := range f.Diagnostics {
		found = append(found, strings.TrimPrefix(d.String(), a.dir+"/"))
	}
	for _, want := range []string{"handlers/views/bad.go:4:2: ", "handlers/views/bad.go:5:9: ", "store/bad.go:3:9: ", "handlers/internal/list/bad.go:3:15: expected"} {
		if text := strings.Join(found, "\n"); !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}
