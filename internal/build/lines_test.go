package build

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// TestPruneLines: what is told of lines goes when its plugin does.
func TestPruneLines(t *testing.T) {
	a := newApp(t, "app.txtar")
	gen, err := a.b.below("gen")
	if err != nil {
		t.Fatal(err)
	}
	needed := filepath.Join(gen, "0002.so")
	for _, name := range []string{"0001.so", "0002.so", "0003-full.so", "0009.so"} {
		for _, path := range []string{name, control.LinesPath(name)} {
			if err := os.WriteFile(filepath.Join(gen, path), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.b.Prune(10, &Snapshot{images: []*image{newImage(needed)}})
	entries, err := os.ReadDir(gen)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{"0002.so", "0002.so.lines", "0009.so", "0009.so.lines"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

// TestPruneAfterRollback: what an earlier generation needs is there as long as that
// itself is, because it can be live again and then be started anew.
func TestPruneAfterRollback(t *testing.T) {
	a := newApp(t, "app.txtar")
	gen, err := a.b.below("gen")
	if err != nil {
		t.Fatal(err)
	}
	path := func(n int) string { return filepath.Join(gen, fmt.Sprintf("%04d.so", n)) }
	third := newImage(path(3))
	var left []bool
	for n := 3; n <= 20; n++ {
		if err := os.WriteFile(path(n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		own := newImage(path(n))
		images := []*image{own}
		if n > 3 && n <= 9 { // the tenth brings the package of the third anew
			own.needs, images = []*image{third}, []*image{third, own}
		}
		a.b.Prune(n, &Snapshot{images: images})
		_, err := os.Stat(path(3))
		left = append(left, err == nil)
	}
	last := 9 + keepGenerations - 1 // while the ninth is there
	for i, there := range left {
		if n := i + 3; there != (n <= last) {
			t.Errorf("when generation %d is live, that of the third is there: %t", n, there)
		}
	}
}
