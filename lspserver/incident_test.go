package lspserver

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view/viewtest"
)

// framesOf reads a stack.
func framesOf(t *testing.T, stack string) []manifest.Frame {
	t.Helper()
	g, ok := manifest.ParseGoroutine(stack)
	if !ok || len(g.Frames) == 0 {
		t.Fatalf("no stack:\n%s", stack)
	}
	return g.Frames
}

func TestIncident(t *testing.T) {
	mine := func(path string) bool { return strings.HasPrefix(path, "/app/") }
	at := manifest.Position{File: "/app/handlers/pages.go", Line: 40}
	const stack = `goroutine 9 [running]:
runtime.mapassign_faststr
	/go/src/internal/runtime/maps/runtime_faststr.go:264
runtime.panicmem
	/go/src/runtime/panic.go:336
example.com/app/handlers.(*app).showPost(0xc00)
	/app/handlers/pages.go:40
example.com/app/handlers.init[example.com/x/y.T].func1
	/app/handlers/my pages.go:7
net/http.HandlerFunc.ServeHTTP
	/go/src/net/http/server.go:2136
net/http.HandlerFunc.ServeHTTP
	net/http/server.go:2136
github.com/anvilforge/anvil-lsp/hotreload.(*development).witness.func1
	/app/hotreload/hot_develop.go:87
`
	for _, tt := range []struct {
		name string
		d    manifest.Diagnostic
		want []string
	}{
		{"a panic", manifest.Diagnostic{Code: manifest.CodeHandlerPanic, Position: at, Request: "GET /posts/1?q=a b", Frames: framesOf(t, stack)}, []string{
			"/app/handlers/pages.go:40 while answering GET /posts/1?q=a b",
			"/app/handlers/pages.go:40 handlers.(*app).showPost",
			"/app/handlers/my pages.go:7 handlers.init[example.com/x/y.T].func1",
		}},
		{"a crash", manifest.Diagnostic{Code: manifest.CodeLiveServer, Position: at, Frames: framesOf(t, `goroutine 7 [running]:
panic({0x1, 0x2})
	/go/src/runtime/panic.go:1 +0x1
example.com/app/feed.(*Hub).run(0xc0001, {0x1, 0x2})
	/app/feed/hub.go:12 +0x1d
created by example.com/app/feed.NewHub in goroutine 1
	/app/feed/hub.go:5 +0x5`)}, []string{
			"/app/feed/hub.go:12 feed.(*Hub).run",
			"/app/feed/hub.go:5 started by feed.NewHub",
		}},
		{"something else", manifest.Diagnostic{Code: manifest.CodeCompile, Frames: framesOf(t, stack)}, nil},
		{"nothing", manifest.Diagnostic{Code: manifest.CodeHandlerPanic}, nil},
	} {
		var got []string
		for _, r := range incident(tt.d, mine) {
			got = append(got, fmt.Sprintf("%s %s", r.Position, r.Message))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
	deep := manifest.Diagnostic{Code: manifest.CodeHandlerPanic, Frames: framesOf(t, "goroutine 1 [running]:\n"+strings.Repeat("a.f\n\t/app/a.go:1\n", 1000))}
	if n := len(incident(deep, mine)); n != maxFrames {
		t.Errorf("%d frames of a deep stack", n)
	}
}

// TestIncidentMoves: what explains a panic moves with the text, and is left out
// where the text was edited.
func TestIncidentMoves(t *testing.T) {
	s := viewtest.New(t)
	d := manifest.Diagnostic{Code: manifest.CodeHandlerPanic, Position: s.At("return nil\n"), Message: "panic"}
	f := &session{engineState: engineState{bases: map[problem]texts{problemOf(d): {s.Path: []byte(viewtest.SceneText)}}}}
	home, other := s.At("home(c"), manifest.Position{File: "/mod/chi/mux.go", Line: 3}
	d.Request = "GET /"
	d.Frames = framesOf(t, fmt.Sprintf("goroutine 1 [running]:\na.f\n\t%s:%d\na.g\n\t%s:%d\na.h\n\t%s:3\n", s.Path, d.Line, s.Path, home.Line, other.File))
	s.Edit("// Anvil", "\n\n// Anvil")
	s.Edit("func home", "func  home")
	d.Related = incident(d, func(string) bool { return true })
	moved, ok := f.moved(s.View.Documents, d)
	if want := s.At("return nil\n").Line; !ok || moved.Line != want {
		t.Errorf("it is in line %d, %t; want %d", moved.Line, ok, want)
	}
	var got []string
	for _, r := range moved.Related {
		got = append(got, fmt.Sprintf("%d %s", r.Line, r.Message))
	}
	line := s.At("return nil\n").Line
	if want := []string{fmt.Sprintf("%d while answering GET /", line), fmt.Sprintf("%d a.f", line), "3 a.h"}; !slices.Equal(got, want) {
		t.Errorf("related %q, want %q", got, want)
	}
}

// incidents is a desk with one application, and a file of it that is open.
type incidents struct {
	*desk
	f    *session
	path string
	at   time.Time // of the last event
}

// incidentText has a place in each of its lines.
const incidentText = "package a\n\nvar one int\nvar two int\nvar three int\n"

func newIncidents(t *testing.T) *incidents {
	d := newDesk(t)
	i := &incidents{desk: d, f: d.session("app"), at: viewtest.Noon}
	i.f.predictor = &oracle{}
	i.path = filepath.Join(i.f.dir, "a.go")
	i.open(i.path, incidentText)
	return i
}

// finding is about the line that holds a piece of a text.
func (i *incidents) finding(code manifest.Code, text, piece string) manifest.Diagnostic {
	before, _, _ := strings.Cut(text, piece)
	return manifest.Diagnose(code, manifest.Position{File: i.path, Line: strings.Count(before, "\n") + 1}, "%s", piece)
}

func (i *incidents) event(kind control.EventKind, ds ...manifest.Diagnostic) {
	i.at = i.at.Add(time.Second)
	i.f.receive(control.Event{Kind: kind, Generation: 4, Time: i.at, Diagnostics: ds})
}

// shown returns the findings that are shown, each with its line in the buffer.
func (i *incidents) shown() string {
	i.f.predict()
	synctest.Wait()
	lines := strings.Split(string(i.s.docs.Latest().ByPath[i.path].Text), "\n")
	var out []string
	for _, d := range i.published(i.path).Diagnostics {
		message, _ := d.Message.(protocol.String)
		out = append(out, fmt.Sprintf("%s: %s", message, lines[d.Range.Start.Line]))
	}
	return strings.Join(out, "; ")
}

func (i *incidents) check(when, want string) {
	i.t.Helper()
	if got := i.shown(); got != want {
		i.t.Errorf("%s: %q is shown, want %q", when, got, want)
	}
}

// TestIncidentAfterSave: a panic stays at its line, wherever that is, when a save
// is not taken: the code that panicked still serves.
func TestIncidentAfterSave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIncidents(t)
		i.event(control.EventLive)
		panicked := func(piece string) {
			i.event(control.EventPanic, i.finding(manifest.CodeHandlerPanic, incidentText, piece))
		}
		panicked("var two int")
		i.check("at first", "var two int: var two int")
		above := strings.Replace(incidentText, "\n\n", "\n\n// more\n\n", 1)
		i.edit(i.path, above)
		i.check("typed above", "var two int: var two int")
		i.save(i.path)
		broken := manifest.Diagnose(manifest.CodeRoute, manifest.Position{}, "elsewhere")
		i.event(control.EventKept, broken)
		i.check("the save was not taken", "var two int: var two int")
		i.event(control.EventAsking, broken)
		i.check("the user is asked", "var two int: var two int")
		panicked("var two int")
		i.check("once more", "var two int: var two int; var two int: var two int")
		panicked("var three int")
		i.check("another one", "var two int: var two int; var two int: var two int; var three int: var three int")
		edited := strings.Replace(above, "var two int", "var two string", 1)
		i.edit(i.path, edited)
		i.check("its line is edited", "var three int: var three int")
		i.save(i.path)
		// What the save says is about the text that was saved.
		i.event(control.EventKept, i.finding(manifest.CodeCompile, edited, "var one int"))
		i.check("the edited line was not taken", "var one int: var one int; var three int: var three int")
		further := strings.Replace(edited, "two string\n", "two string\nvar four int\n", 1)
		i.edit(i.path, further)
		i.save(i.path)
		i.event(control.EventKept, i.finding(manifest.CodeCompile, further, "var one int"))
		i.check("the same finding about another text", "var one int: var one int; var three int: var three int")
		i.event(control.EventLive, i.finding(manifest.CodeGoroutine, further, "var four int"))
		i.check("another generation", "var four int: var four int")
	})
}

// telling is an engine with a state.
type telling struct {
	puppet
	status control.Status
}

func (l *telling) Status(context.Context) (control.Status, error) { return l.status, nil }

// TestIncidentOfOther: what another engine has found already moves, too, and its
// compiler's words go with their text.
func TestIncidentOfOther(t *testing.T) {
	for name, reconnected := range map[string]bool{"attached": false, "attached once more": true} {
		t.Run(name, inBubble(func(t *testing.T) {
			i := newIncidents(t)
			l := &telling{status: control.Status{Generation: 4, State: control.StateKept, Problems: []manifest.Diagnostic{
				i.finding(manifest.CodeHandlerPanic, incidentText, "var two int"), i.finding(manifest.CodeCompile, incidentText, "var one int"),
			}}}
			if reconnected {
				i.f.connect(l, true, nil, control.Status{})
				cut := make(chan control.Event)
				close(cut)
				tries := 0
				i.f.follow(l, cut, func() <-chan control.Event {
					if tries++; tries > 1 {
						return nil
					}
					return cut
				}, func() bool { return false }, func() {})
			} else {
				i.f.connect(l, true, nil, l.status)
			}
			i.check("at first", "var one int: var one int; var two int: var two int")
			i.edit(i.path, strings.Replace(incidentText, "\n\n", "\n\n// more\n\n", 1))
			i.check("typed above", "var two int: var two int")
		}))
	}
}
