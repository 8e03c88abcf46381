package source

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestArchiveLost: what is wrong with an archive is no finding about the code
// that imports it, and does not stay.
func TestArchiveLost(t *testing.T) {
	cut := filepath.Join(t.TempDir(), "cut.a")
	if err := os.WriteFile(cut, []byte("!<arch>\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	const src = "package handlers\n\nimport \"fmt\"\n\nfunc f() { fmt.Println() }\n"
	for _, lost := range []string{filepath.Join(t.TempDir(), "gone-d"), cut} {
		p, overlay := archived(t, handlersOnly(src))
		whole := p.Archives["fmt"]
		p.Archives["fmt"] = lost
		c := NewChecker(p)
		for range 2 {
			r, err := c.Check(t.Context(), overlay)
			if a, ok := errors.AsType[*ArchiveError](err); !ok || a.Path != "fmt" || r != nil {
				t.Fatalf("%s: error %v, report %+v", lost, err, r)
			}
			if lost != cut && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the reason is not told: %v", err)
			}
		}
		p.Archives["fmt"] = whole
		c.Update(p)
		r, err := c.Check(t.Context(), overlay)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range r.Findings {
			if strings.Contains(d.Message, "import") {
				t.Errorf("it is there again: %s", d)
			}
		}
	}
}
