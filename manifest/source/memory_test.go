package source

import (
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestCheckerDoesNotGrow: a checker that works all day needs no more in the
// evening, whatever is edited: a file, a file to one that is not Go, or what
// archives are made from.
func TestCheckerDoesNotGrow(t *testing.T) {
	const src = "package handlers\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(%d) }\n"
	dir := t.TempDir()
	p, overlay := archived(t, handlersOnly(fmt.Sprintf(src, 0)))
	fmtArchive, err := os.ReadFile(p.Archives["fmt"])
	if err != nil {
		t.Fatal(err)
	}
	edits := map[string]func(n int) map[string][]byte{
		"saves": func(n int) map[string][]byte { return map[string][]byte{"": fmt.Appendf(nil, src, n)} },
		"saves that do not compile": func(n int) map[string][]byte {
			return map[string][]byte{"": fmt.Appendf(nil, "package handlers\n\nfunc f() { undefined%d() }\n\nfunc", n)}
		},
		"host packages that are built anew": func(n int) map[string][]byte {
			archive := filepath.Join(dir, fmt.Sprintf("fmt%d.a", n))
			if err := os.WriteFile(archive, fmtArchive, 0o666); err != nil {
				t.Fatal(err)
			}
			p.Archives["fmt"] = archive
			return nil
		},
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			c := NewChecker(p)
			var files int
			var heap uint64
			for n := range 60 {
				now := edit(n)
				buffers := map[string][]byte{}
				for path, data := range overlay {
					if text, ok := now[""]; ok {
						data = text
					}
					buffers[path] = data
				}
				c.Update(p)
				if _, err := c.Check(t.Context(), buffers); err != nil {
					t.Fatal(err)
				}
				if n == 19 {
					files, heap = countFiles(c.last.Fset), collected()
				}
			}
			if n := countFiles(c.last.Fset); n > files {
				t.Errorf("the file set has %d files after 60 rounds, %d after 20", n, files)
			}
			if h := collected(); float64(h) > 1.2*float64(heap) {
				t.Errorf("%d bytes are in use after 60 rounds, %d after 20", h, heap)
			}
			runtime.KeepAlive(c)
		})
	}
}

func countFiles(fset *token.FileSet) (n int) {
	fset.Iterate(func(*token.File) bool { n++; return true })
	return n
}

// collected returns how many bytes are in use.
func collected() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
