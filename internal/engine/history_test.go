package engine

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

func TestHistoryKeepsTheNewest(t *testing.T) {
	tests := map[string]struct{ first, last, oldest int }{
		"few":                {1, 5, 1},
		"just enough":        {1, keepManifests, 1},
		"one more":           {1, keepManifests + 1, 2},
		"with five digits":   {9985, 10010, 10010 - keepManifests + 1},
		"with gaps at first": {40, 90, 90 - keepManifests + 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var want []string
			for g := tt.first; g <= tt.last; g++ {
				path := writeFile(t, "{}", HistoryPath(dir, g))
				if g >= tt.oldest {
					want = append(want, filepath.Base(path))
				}
			}
			// A reader may find this one half written; it is not ours to count.
			want = append(want, filepath.Base(writeFile(t, "{", HistoryPath(dir, 1)+".123")))
			slices.Sort(want)
			history := filepath.Dir(HistoryPath(dir, 0))
			out := openOut(t, dir)
			for range 2 { // the second finds nothing to do
				if err := pruneHistory(out); err != nil {
					t.Fatal(err)
				}
				if got := names(t, history); !slices.Equal(got, want) {
					t.Errorf("left %v, want %v", got, want)
				}
			}
		})
	}
}

func openOut(t *testing.T, dir string) *outdir.Dir {
	t.Helper()
	d, err := outdir.Make(outdir.Path(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestHistoryThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if err := pruneHistory(openOut(t, dir)); err == nil || !strings.Contains(err.Error(), outdir.Path(dir, outdir.History)) {
		t.Errorf("error %v, want one that names the history of %s", err, dir)
	}
}

func TestCheckManifest(t *testing.T) {
	tests := map[string]struct{ text, warning string }{
		"none":          {},
		"good":          {text: fmt.Sprintf(`{"format": %d, "routes": []}`, manifest.FormatVersion)},
		"damaged":       {text: `{"format": 1, "rou`, warning: "unusable manifest"},
		"empty":         {text: " ", warning: "unusable manifest"},
		"other version": {text: `{"format": 99}`, warning: "format 99"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := newTestEngine(t)
			events := e.events.Subscribe(t.Context())
			path := ManifestPath(e.opts.Dir)
			if tt.text != "" {
				writeFile(t, tt.text, path)
			}
			e.checkManifest()
			e.events.Close()
			ev, warned := <-events
			if tt.warning == "" {
				if warned {
					t.Errorf("%s: %s", ev.Kind, ev.Message)
				}
				return
			}
			if ev.Kind != control.EventWarning || !strings.Contains(ev.Message, tt.warning) || !strings.Contains(ev.Message, path) ||
				!strings.HasSuffix(ev.Message, "; the next generation replaces it") {
				t.Errorf("%s %q, want a warning about %s: %s", ev.Kind, ev.Message, path, tt.warning)
			}
			if got := readFile(t, path); got != tt.text {
				t.Errorf("the file became %q", got)
			}
		})
	}
}
