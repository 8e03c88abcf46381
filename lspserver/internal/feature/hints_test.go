package feature

import (
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view/viewtest"
)

// hints returns the text of each line that has a hint, with the hint at its
// place.
func hintsOf(s *viewtest.Scene) []string {
	s.T.Helper()
	result, seen := InlayHints(s.View, uri.File(s.Path))
	hints := result.([]protocol.InlayHint)
	if strings.Count(seen, "\n") != len(hints) {
		s.T.Errorf("%d hints are seen as %q", len(hints), seen)
	}
	var out []string
	for _, h := range hints {
		line := strings.Split(string(s.Document().Text), "\n")[h.Position.Line]
		line = line[:h.Position.Character] + " " + string(h.Label.(protocol.String)) + line[h.Position.Character:]
		if why, ok := h.Tooltip.(protocol.String); ok {
			line += " | " + string(why)
		}
		out = append(out, line)
	}
	return out
}

func TestInlayHints(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(s *viewtest.Scene)
		want   []string
	}{
		{"hot swap", nil, []string{"func home(c *hotreload.Ctx) error { return nil } → hot swap", "func showPost(c *hotreload.Ctx) error { → hot swap"}},
		{"restart", func(s *viewtest.Scene) {
			fc := s.Folder.Prediction
			fc.Rung = manifest.RungWarmRestart
			fc.Diagnostics = []manifest.Diagnostic{
				manifest.Diagnose(manifest.CodePackageState, s.At("home(c"), "a hint"),
				manifest.Diagnose(manifest.CodeSignature, s.At("(c *hotreload.Ctx) error {\n"), "the signature changed"),
			}
		}, []string{"func home(c *hotreload.Ctx) error { return nil } → warm restart", "func showPost(c *hotreload.Ctx) error { → warm restart (ANV001) | the signature changed"}},
		{"a changed signature is swapped in", func(s *viewtest.Scene) {
			s.Folder.Prediction.Diagnostics = []manifest.Diagnostic{
				manifest.Diagnose(manifest.CodePackageState, s.At("home(c"), "a hint"),
				manifest.Diagnose(manifest.CodeSignature, s.At("(c *hotreload.Ctx) error {\n"), "the signature changed"),
			}
		}, []string{"func home(c *hotreload.Ctx) error { return nil } → hot swap", "func showPost(c *hotreload.Ctx) error { → hot swap (ANV001) | the signature changed"}},
		{"errors", func(s *viewtest.Scene) {
			fc := s.Folder.Prediction
			fc.Rung = manifest.RungKeep
			fc.Diagnostics = []manifest.Diagnostic{manifest.Diagnose(manifest.CodeCompile, s.At("nil\n}"), "undefined: nul")}
		}, []string{"func home(c *hotreload.Ctx) error { return nil } → not live: errors", "func showPost(c *hotreload.Ctx) error { → not live: errors (ANV009) | undefined: nul"}},
		{"saves wait", func(s *viewtest.Scene) { s.Folder.Status.Paused = true },
			[]string{"func home(c *hotreload.Ctx) error { return nil } → hot swap, when asked for", "func showPost(c *hotreload.Ctx) error { → hot swap, when asked for"}},
		{"an edit above", func(s *viewtest.Scene) { s.Edit("// Anvil", "\n// Anvil") },
			[]string{"func home(c *hotreload.Ctx) error { return nil } → hot swap", "func showPost(c *hotreload.Ctx) error { → hot swap"}},
		{"the line is being edited", func(s *viewtest.Scene) { s.Edit("func home", "func hom") }, []string{"func showPost(c *hotreload.Ctx) error { → hot swap"}},
		{"another file", func(s *viewtest.Scene) { s.Folder.Prediction.Edits[0].Position.File += "x" }, []string{"func showPost(c *hotreload.Ctx) error { → hot swap"}},
		{"nothing differs", func(s *viewtest.Scene) { s.Folder.Prediction.Rung = "" }, nil},
		{"turned off", func(s *viewtest.Scene) { s.Folder.Settings.InlayHints = false }, nil},
		{"no prediction", func(s *viewtest.Scene) { s.Folder.Prediction = nil }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := viewtest.New(t)
			s.Folder.Prediction.Rung = manifest.RungHotSwap
			s.Folder.Prediction.Edits = []build.Edit{{Name: "home", Position: s.At("home(c")}, {Name: "showPost", Position: s.At("showPost(c")}, {Name: "same line", Position: s.At("(c *hotreload.Ctx) error {\n")}}
			if tt.change != nil {
				tt.change(s)
			}
			if got := hintsOf(s); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestHintsAreOff: they are for those who want them.
func TestHintsAreOff(t *testing.T) {
	if view.DefaultSettings().InlayHints {
		t.Error("inlay hints are on by default")
	}
}
