package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible/visibletest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

// TestForeign: what commands say is made of names and messages of others, none of
// which reaches the terminal as it is.
func TestForeign(t *testing.T) {
	name := strings.NewReplacer("\x00", "", "/", "").Replace(visibletest.Hostile)
	result := &engine.CheckResult{}
	visibletest.Fill(result)
	event := control.Event{}
	visibletest.Fill(&event)
	event.Kind = control.EventKept
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"check", []string{"check"}},
		{"check as JSON", []string{"check", "--json"}},
		{"check for code scanning", []string{"check", "--sarif"}},
		{"serve", []string{"--serve", "--once"}},
		{"serve as JSON", []string{"--serve", "--once", "--json"}},
		{"init", []string{"init", name}},
		{"init where something is", []string{"init", "taken"}},
		{"init with another module", []string{"init", "--module", visibletest.Hostile, "x"}},
		{"an unknown directory", []string{"ctl", "status", "--dir", name}},
		{"an unknown command", []string{name}},
		{"an unknown flag", []string{"--" + name}},
		{"routes", []string{"routes", "planted"}},
		{"routes as JSON", []string{"routes", "planted", "--json"}},
		{"a manifest", []string{"manifest", "show", "--dir", "planted"}},
		{"a manifest as JSON", []string{"manifest", "show", "--dir", "planted", "--json"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProgram(t, newFake(event))
			p.checkCode = func(context.Context, build.Config, *manifest.Manifest, engine.BreakPolicy, build.Progress) (*engine.CheckResult, error) {
				return result, nil
			}
			if err := os.MkdirAll(filepath.Join(p.dir, "taken", name), 0o777); err != nil {
				t.Fatal(err)
			}
			planted := engine.ManifestPath(filepath.Join(p.dir, "planted"))
			m := *result.Manifest
			m.Generation = 1
			writeManifest(t, &m, planted)
			p.run(t.Context(), tt.args)
			out := p.stdout.String() + p.stderr.String()
			visibletest.Check(t, tt.name, out)
			if out == "" {
				t.Error("nothing was said")
			}
		})
	}
	p := newProgram(t, nil)
	p.newEngine = func(context.Context, engine.Options) (server, error) { return nil, errors.New(visibletest.Hostile) }
	p.run(t.Context(), []string{"--serve"})
	visibletest.Check(t, "an error", p.stderr.String())
}
