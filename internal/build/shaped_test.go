package build

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestInstanceOfHost: hot code refers to an instance that a host package has made,
// because the function that calls it is inlined. The name has a hash in it, which
// stays the same.
func TestInstanceOfHost(t *testing.T) {
	a := newApp(t, "app.txtar")
	var fields strings.Builder
	for i := range 40 {
		fmt.Fprintf(&fields, "\tField%02d map[string][]int\n", i)
	}
	a.write("store/long.go", "package store\n\nimport \"fmt\"\n\ntype long = struct {\n"+fields.String()+`}

// Long has a shape with a long text.
type Long long

// each is not inlined.
//
//go:noinline
func each[T, M any](v T, with M) int { return len(fmt.Sprint(v, with)) }

// Size is.
func Size(l Long) int { return each(l, 1) }

var _ = Size(Long{})
`)
	a.write("handlers/with.go", "package handlers\n\nimport \"example.com/app/store\"\n\nvar size = store.Size(store.Long{})\n\nfunc init() { loads += size - size }\n")
	a.start(a.host().Path)
	res, _ := a.swap(a.edit("handlers/with.go", "size - size", "2*size - size - size"))
	if want := []string{"example.com/app/handlers"}; !slices.Equal(res.Rebuilt, want) || !res.Thin {
		t.Errorf("made anew: %q, thin: %t; want %q", res.Rebuilt, res.Thin, want)
	}
}
