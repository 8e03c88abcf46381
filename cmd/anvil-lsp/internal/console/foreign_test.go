package console

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible/visibletest"
)

// constants returns the string constants of a type, as the source has them.
func constants(t *testing.T, file, typ string) (out []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash("../../../../"+file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if id, ok := spec.Type.(*ast.Ident); ok && id.Name == typ {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, value)
			}
		}
		return true
	})
	if len(out) < 3 {
		t.Fatalf("%d constants of type %s", len(out), typ)
	}
	return out
}

// TestForeignEvents: whatever an event of any kind says, nothing of it reaches the
// terminal as it is.
func TestForeignEvents(t *testing.T) {
	kinds := append(constants(t, "hotreload/control/event.go", "EventKind"), visibletest.Hostile)
	for _, terminal := range []bool{false, true} {
		for _, kind := range kinds {
			for _, rung := range []manifest.Rung{manifest.RungHotSwap, manifest.RungWarmRestart, manifest.RungKeep, visibletest.Hostile} {
				for _, severity := range []manifest.Severity{manifest.SeverityError, manifest.SeverityHint, visibletest.Hostile} {
					var out bytes.Buffer
					c := New(Options{
						Out: &out, Terminal: terminal, Color: terminal, Verbose: terminal, Location: time.UTC, Width: func() int { return 500 },
						App: visibletest.Hostile, RoutesCommand: visibletest.Hostile, RestartCommand: visibletest.Hostile,
					})
					var ev control.Event
					for _, first := range []control.EventKind{control.EventLive, control.EventKind(kind)} { // changes need something before
						visibletest.Fill(&ev)
						ev.Time, ev.Kind, ev.Rung = noon, first, rung
						ev.Diagnostics[0].Severity = severity
						ev.Diagnostics[0].Detail = visibletest.Hostile + "\n\t" + visibletest.Hostile + ":7 +0x1\n" + visibletest.Hostile
						ev.Diagnostics = append(ev.Diagnostics, ev.Diagnostics[0])
						ev.Diagnostics[1].Code = manifest.CodeSignature
						c.Event(ev)
						ev = control.Event{}
					}
					c.Note(visibletest.Hostile)
					visibletest.Check(t, kind, out.String())
					if out.Len() == 0 {
						t.Errorf("%q shows nothing", kind)
					}
				}
			}
		}
	}
}

// TestForeignEverything is the same for all else that is shown.
func TestForeignEverything(t *testing.T) {
	filled := func(t *testing.T, show func(w io.Writer, color bool) error) {
		for _, color := range []bool{false, true} {
			var out bytes.Buffer
			if err := show(&out, color); err != nil {
				t.Fatal(err)
			}
			visibletest.Check(t, t.Name(), out.String())
			if !strings.Contains(out.String(), "PWNED") {
				t.Errorf("nothing of it is shown: %q", out.String())
			}
		}
	}
	var status control.Status
	visibletest.Fill(&status)
	t.Run("status", func(t *testing.T) {
		for _, state := range append(constants(t, "hotreload/control/event.go", "State"), visibletest.Hostile) {
			status := status
			status.State = control.State(state)
			filled(t, func(w io.Writer, color bool) error { return Status(Options{Out: w, Color: color}, &status, noon) })
			filled(t, func(w io.Writer, color bool) error {
				New(Options{Out: w, Color: color, Location: time.UTC}).Attached(&status)
				return nil
			})
		}
	})
	m := status.Live.Manifest
	t.Run("manifest", func(t *testing.T) {
		filled(t, func(w io.Writer, color bool) error { return Manifest(w, color, "", m) })
	})
	t.Run("changes", func(t *testing.T) {
		var both, added, removed manifest.Changes
		for _, c := range []*manifest.Changes{&both, &added, &removed} {
			visibletest.Fill(c)
		}
		for i := range added.Routes {
			added.Routes[i].Old, removed.Routes[i].New = nil, nil
		}
		for _, c := range []manifest.Changes{both, added, removed} {
			filled(t, func(w io.Writer, color bool) error { return Changes(w, color, 1, 2, c) })
		}
	})
	t.Run("routes", func(t *testing.T) {
		for _, width := range []int{0, 60, 400} {
			filled(t, func(w io.Writer, color bool) error {
				return Routes(w, RoutesOptions{Color: color, Width: width}, 1, m.Routes, status.Live.Stats)
			})
		}
	})
	t.Run("findings", func(t *testing.T) {
		filled(t, func(w io.Writer, color bool) error { return Findings(Options{Out: w, Color: color}, status.Problems) })
	})
}

// TestForeignSource: the line of a finding keeps its caret, and nothing of it
// reaches the terminal as it is.
func TestForeignSource(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.go")
	if err := os.WriteFile(path, []byte("a"+visibletest.Hostile[:30]+"\u009b\u202e := undefined\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	d := manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: path, Line: 1, Column: 2}, "undefined")
	if err := Findings(Options{Out: &out, Dir: dir, Source: os.ReadFile}, []manifest.Diagnostic{d}); err != nil {
		t.Fatal(err)
	}
	visibletest.Check(t, "source", out.String())
	if lines := strings.Split(out.String(), "\n"); !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "| a·") }) || !strings.Contains(out.String(), "|  ^") {
		t.Errorf("%s", out.String())
	}
}
