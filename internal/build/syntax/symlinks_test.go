package syntax

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestLinkTargetsEnd(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if got := linkTargets(loop); len(got) > maxLinks*2 {
		t.Errorf("%d targets", len(got))
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "broken")); err != nil {
		t.Fatal(err)
	}
	if got := linkTargets(filepath.Join(dir, "broken")); !slices.Equal(got, []string{filepath.Join(dir, "nowhere")}) {
		t.Errorf("a broken link leads to %q", got)
	}
	if got := linkTargets(filepath.Join(dir, "missing")); got != nil {
		t.Errorf("a missing file leads to %q", got)
	}
}
