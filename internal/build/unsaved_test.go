package build

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// TestDraftTags: a draft has the files that the go command takes, whatever the
// build tags come from.
func TestDraftTags(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		tag    string
	}{
		{"settings", func(c *Config) { c.Tags = []string{"dev"} }, "dev"},
		{"GOFLAGS", func(c *Config) { c.Env = append(os.Environ(), "GOFLAGS=-mod=mod -tags=other,dev") }, "dev"},
		{"race detector", func(c *Config) { c.Race = true }, "race"},
		{"always", func(c *Config) {}, gocmd.HotTag},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, "app.txtar", tt.change)
			with := "//go:build " + tt.tag + "\n\npackage handlers\n"
			without := "//go:build !" + tt.tag + "\n\npackage handlers\n"
			buffers := map[string][]byte{
				a.write("handlers/with.go", with): []byte(with), a.write("handlers/without.go", without): []byte(without),
			}
			s, _, err := a.b.Inspect(t.Context(), ".")
			if err != nil {
				t.Fatal(err)
			}
			want := s.Package(hot).GoFiles
			if !slices.Contains(want, "with.go") || slices.Contains(want, "without.go") {
				t.Fatalf("the go command takes %q", want)
			}
			if got := NewDrafts(a.b).Draft(s, buffers).Package(hot).GoFiles; !slices.Equal(got, want) {
				t.Errorf("the draft takes %q, the go command %q", got, want)
			}
			// A file that is made by the buffer alone.
			delete(buffers, filepath.Join(a.dir, "handlers/with.go"))
			buffers[filepath.Join(a.dir, "handlers/more.go")] = []byte(with)
			if got := NewDrafts(a.b).Draft(s, buffers).Package(hot).GoFiles; !slices.Contains(got, "more.go") {
				t.Errorf("the draft takes %q", got)
			}
		})
	}
}

// TestDraftBoundary: where a buffer makes a host package of a hot one, the draft says
// what the plan says once the buffer was saved.
func TestDraftBoundary(t *testing.T) {
	const (
		cgo      = "package views\n\n// static int one(void) { return 1; }\nimport \"C\"\n\nvar One = int(C.one())\n"
		linkname = "package views\n\nimport _ \"unsafe\"\n\n//go:linkname one example.com/app/one\nfunc one() int { return 1 }\n"
	)
	a := newApp(t, "app.txtar")
	a.write("handlers/views/more.go", "package views\n")
	a.edit("handlers/double.go", "package handlers\n", "package handlers\n\nimport _ \"unsafe\"\n")
	a.start(a.host().Path)
	a.swap(a.edit("handlers/internal/list/list.go", "f(x))", "f(x), f(x))"))
	tests := []struct {
		name, file, text string
		rung             manifest.Rung
	}{
		{"cgo", "handlers/views/more.go", cgo, manifest.RungWarmRestart},
		{"cgo in a new file", "handlers/views/c.go", cgo, manifest.RungWarmRestart},
		{"linkname", "handlers/views/more.go", linkname, manifest.RungWarmRestart},
		{"linkname in a new file", "handlers/views/new.go", linkname, manifest.RungWarmRestart},
		{"linkname above packages that were swapped", "handlers/double.go", "package handlers\n\nimport _ \"unsafe\"\n\n//go:linkname double example.com/app/double\nfunc double(n int) int { return 2 * n }\n", manifest.RungWarmRestart},
		{"cgo in a file that is not built", "handlers/views/more.go", "//go:build !anvilhot\n\n" + cgo, manifest.RungHotSwap},
		{"words in a text", "handlers/views/more.go", "package views\n\nconst text = `\nimport \"C\"\n//go:linkname one two`\n", manifest.RungHotSwap},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(a.dir, tt.file)
			before, err := os.ReadFile(name)
			draft := NewDrafts(a.b).Draft(a.snap, map[string][]byte{name: []byte(tt.text)}).Against(a.snap, a.snap)
			a.write(tt.file, tt.text)
			saved := a.plan(name)
			if err == nil {
				a.write(tt.file, string(before))
			} else if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
			said := func(p *Plan) (out []string) {
				for _, d := range p.Reasons {
					out = append(out, d.Message)
				}
				return append(out, string(p.Rung))
			}
			if got, want := said(draft), said(saved); !slices.Equal(got, want) || saved.Rung != tt.rung {
				t.Errorf("the draft says %q, the plan %q; want %s", got, want, tt.rung)
			}
			if got, want := draft.next.Hot(), saved.next.Hot(); !slices.Equal(got, want) {
				t.Errorf("in the draft %q are hot, in the plan %q", got, want)
			}
		})
	}
}
