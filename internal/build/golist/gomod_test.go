package golist

import (
	"path/filepath"
	"testing"
)

// TestModulePosition: the line that decides about a module.
func TestModulePosition(t *testing.T) {
	const text = `module example.com/app

go 1.26.0

require (
	example.com/a v1.0.0
	example.com/b v1.0.0 // indirect
)

require example.com/c v1.0.0

replace example.com/b v1.0.0 => example.com/fork/b v1.0.1

replace (
	example.com/c => ../c
)
`
	a := newModule(t)
	a.write("go.mod", text)
	name := filepath.Join(a.Dir, "go.mod")
	main := &Package{Module: &Module{Path: "example.com/app", GoMod: name}}
	for module, want := range map[string]string{
		"example.com/a": name + ":6", "example.com/b": name + ":12", "example.com/c": name + ":15", "example.com/d": name, "": name,
	} {
		if got := ModulePosition(main, module).String(); got != want {
			t.Errorf("%q: %s, want %s", module, got, want)
		}
	}
	a.write("go.mod", "module example.com/app\n\nrequir x\n")
	if got := ModulePosition(main, "x").String(); got != name {
		t.Errorf("nonsense: %s, want %s", got, name)
	}
	if got := ModulePosition(&Package{}, "x"); got.File != "" || got.Line != 0 {
		t.Errorf("no module: %v", got)
	}
}
