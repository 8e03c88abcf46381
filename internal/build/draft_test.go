package build

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
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
		{"always", func(c *Config) {}, HotTag},
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
