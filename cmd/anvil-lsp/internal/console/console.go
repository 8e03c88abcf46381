// Package console shows people what the engine reports.
//
// It knows nothing but [control.Event] values, which the engine, an attached client and the editor
// see alike: so an attached terminal shows what the first one shows. There are two ways to show
// them: a [Console] writes text, a [JSON] one object a line.
//
// A terminal has one cursor and two who want it: the console, which rewrites its progress line in
// place, and the live server, which prints what it likes. Both go through one screen, so that
// neither lands in the other's line; see [Console.Pass].
package console

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

// Reporter shows events. Its methods may be called concurrently.
type Reporter interface {
	Event(control.Event)
}

// Options configure a Console. Only Out is required.
type Options struct {
	Out io.Writer
	// Terminal says that Out is one: progress is rewritten in place.
	Terminal bool
	Color    bool
	// Width returns the columns of the terminal, to clip the progress line to. Nil means 80.
	Width func() int
	// Dir is the directory that paths of files are shown relative to. Absolute.
	Dir string
	// Source reads a file whose lines may be shown; see build.ReadSource. Nil: none are.
	Source func(path string) ([]byte, error)
	// App names the application in the header, as the user did.
	App string
	// Version of this program, for the header.
	Version string
	// Activity is what progress is the progress of; empty means building.
	Activity string
	// Brief leaves the routes out.
	Brief bool
	// Verbose shows hints, predictions and the steps of each reload, too.
	Verbose bool
	// Keys says that the user can type commands.
	Keys bool
	// RoutesCommand lists all routes; named where the table is cut short.
	RoutesCommand string
	// RestartCommand restarts the application; named where a change waits for it.
	RestartCommand string
	// Location is the time zone to show times in; nil means the local one.
	Location *time.Location
}

// Console shows events as text.
type Console struct {
	o      Options
	style  paint.Style
	screen *screen

	mu       sync.Mutex            // guards what follows
	routes   []manifest.Route      // of the live generation
	live     bool                  // a generation was live: the table of routes was shown
	reported []manifest.Diagnostic // about the build under way, already shown
	pending  []manifest.Diagnostic // about it, shown with what becomes of it
	begun    time.Time             // of the build under way
	logged   time.Time             // last progress that became a line of its own
}

// New returns a Console.
func New(o Options) *Console {
	if o.Width == nil {
		o.Width = func() int { return 80 }
	}
	if o.Location == nil {
		o.Location = time.Local
	}
	for _, text := range []*string{&o.App, &o.RoutesCommand, &o.RestartCommand} { // they name a directory
		*text = visible.Line(*text)
	}
	return &Console{o: o, style: paint.New(o.Color), screen: &screen{out: o.Out, terminal: o.Terminal}}
}

// Pass returns a writer for what the live server writes to w: it passes through unchanged, but
// never into the middle of the console's progress line. Shared says that w ends up where the
// console writes, too. The writer may be used concurrently with the console.
func (c *Console) Pass(w io.Writer, shared bool) io.Writer {
	return &passage{screen: c.screen, w: w, shared: shared}
}

// Note shows a line that does not come from an event.
func (c *Console) Note(text string) {
	c.screen.print("  " + visible.Text(text) + "\n")
}

// Event shows an event.
func (c *Console) Event(ev control.Event) {
	ev = foreign(ev)
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	switch ev.Kind {
	case control.EventStarting:
		c.header(&b, ev)
	case control.EventBuilding:
		c.begun, c.logged, c.reported, c.pending = ev.Time, ev.Time, nil, nil
		c.progress(ev, few(ev.Cause, maxCause))
		return
	case control.EventProgress:
		c.progress(ev, ev.Message)
		return
	case control.EventPredicted:
		c.predicted(&b, ev)
	case control.EventAsking:
		c.asking(&b, ev)
	case control.EventLive:
		c.wentLive(&b, ev)
	case control.EventRestarting:
		c.restarting(&b, ev)
	case control.EventRolledBack:
		c.line(&b, ev, c.style.Green("rolled back"), "")
		c.paragraph(&b, ev.Message)
		c.briefly(&b, ev.Diagnostics)
		c.routeChanges(&b, ev)
	case control.EventKept:
		c.kept(&b, ev)
	case control.EventUnchanged:
		c.unchanged(&b, ev)
	case control.EventPanic:
		c.incident(&b, ev, "panic")
	case control.EventRequests: // for `routes` and the editor; here they would be noise
		return
	case control.EventExited:
		c.incident(&b, ev, "live server ended")
	case control.EventRecovered:
		c.line(&b, ev, c.style.Yellow("recovered"), ev.Message)
	case control.EventHeld:
		c.line(&b, ev, c.style.Yellow("waits"), few(ev.Cause, maxCause))
		c.paragraph(&b, ev.Message)
	case control.EventWaiting:
		c.line(&b, ev, c.style.Yellow("waits"), few(ev.Cause, maxCause))
		c.paragraph(&b, ev.Message)
	case control.EventPaused:
		c.line(&b, ev, c.style.Yellow("reload on save is paused"), ev.Message)
	case control.EventResumed:
		c.line(&b, ev, c.style.Green("reload on save goes on"), ev.Message)
	case control.EventWarning:
		fmt.Fprintln(&b, spaced(c.stamp(ev), c.style.Yellow("warning"), indentFollowing(ev.Message)))
		c.fully(&b, ev.Diagnostics)
	case control.EventStopped:
		fmt.Fprintln(&b, c.style.Dim(spaced(c.clock(ev), "stopped")))
	default: // of a newer engine that this client is attached to
		fmt.Fprintln(&b, spaced(c.stamp(ev), string(ev.Kind), indentFollowing(ev.Message)))
	}
	c.mispredicted(&b, ev)
	if b.Len() > 0 {
		c.screen.print(b.String())
	}
	switch ev.Kind {
	case control.EventPredicted:
		c.progress(ev, expectation(ev)+few(ev.Cause, maxCause))
	case control.EventRestarting:
		c.progress(ev, "a new process on the same address")
	}
}

// EndProgress removes the progress line.
func (c *Console) EndProgress() { c.screen.print("") }

// Attached shows where an engine stands that was running already.
func (c *Console) Attached(s *control.Status) {
	s = foreign(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	c.title(&b, s.URL)
	fmt.Fprintf(&b, "  attached to the anvil-lsp with process id %d, which runs since %s; Ctrl-C detaches\n\n",
		s.PID, s.Since.In(c.o.Location).Format(time.TimeOnly))
	fmt.Fprintf(&b, "  %s\n", stateLine(c.style, s))
	c.fully(&b, s.Problems)
	if s.Live != nil && s.Live.Manifest != nil {
		c.live, c.routes = true, s.Live.Manifest.Routes
		if len(s.Problems) == 0 {
			b.WriteByte('\n')
		}
		c.routeTable(&b, s.URL)
	}
	b.WriteByte('\n')
	c.screen.print(b.String())
}

func (c *Console) header(b *strings.Builder, ev control.Event) {
	c.title(b, ev.URL)
	keys := ""
	if c.o.Keys {
		keys = "h + Enter for help, "
	}
	fmt.Fprintf(b, "  %s\n\n", c.style.Dim("edit a handler and save; "+keys+"Ctrl-C ends"))
}

func (c *Console) title(b *strings.Builder, url string) {
	fmt.Fprintf(b, "\n  %s %s  %s\n\n", c.style.Bold("anvil-lsp"), c.o.Version, c.style.Dim(c.o.App))
	fmt.Fprintf(b, "  %s  %s\n", c.style.Green("➜"), c.style.Link(strings.TrimSuffix(url, "/")+"/"))
}

func (c *Console) wentLive(b *strings.Builder, ev control.Event) {
	label := c.style.Green("live")
	switch ev.Rung {
	case manifest.RungHotSwap:
		label = c.style.Green("hot swap")
	case manifest.RungWarmRestart:
		label = c.style.Yellow("warm restart")
	}
	news := c.news(ev.Diagnostics)
	c.line(b, ev, label, "")
	c.paragraph(b, ev.Message)
	c.briefly(b, news)
	if c.live || c.o.Brief {
		c.routeChanges(b, ev)
		return
	}
	c.live, c.routes = true, ev.Routes
	b.WriteByte('\n')
	c.routeTable(b, ev.URL)
	b.WriteByte('\n')
}

// restarting shows that a restart begins. Unless the user wants to know everything, its reasons are
// told once, with what became of it.
func (c *Console) restarting(b *strings.Builder, ev control.Event) {
	told := c.reported
	news := c.news(ev.Diagnostics)
	if !c.o.Verbose && ev.Message == "" {
		c.pending = news
		return
	}
	fmt.Fprintln(b, spaced(c.stamp(ev), c.style.Yellow("restarting"), few(ev.Cause, maxCause)))
	c.paragraph(b, ev.Message)
	c.briefly(b, news)
	c.reported = append(told, news...)
}

func (c *Console) kept(b *strings.Builder, ev control.Event) {
	news := c.news(ev.Diagnostics)
	label, serving := c.style.Red("error"), ""
	if onlyBreaks(ev.Diagnostics) {
		label = c.style.Yellow("kept")
	}
	switch {
	case ev.Unsure:
		serving = c.style.Red("no answer")
	case ev.Generation > 0:
		serving = c.style.Dim(fmt.Sprintf("gen %d keeps serving", ev.Generation))
	}
	c.refusal(b, ev, label, serving)
	if onlyBreaks(ev.Diagnostics) {
		c.briefly(b, news)
	} else {
		c.fully(b, news)
	}
	if ev.Message != "" && !slices.ContainsFunc(ev.Diagnostics, func(d manifest.Diagnostic) bool {
		return strings.Contains(ev.Message, d.Message)
	}) {
		c.paragraph(b, ev.Message)
	}
	switch {
	case ev.Generation == 0:
		fmt.Fprintf(b, "%snothing is live yet; the next save tries again\n", margin)
	case onlyBreaks(ev.Diagnostics):
		c.restartAdvice(b)
	}
}

func (c *Console) unchanged(b *strings.Builder, ev control.Event) {
	fmt.Fprintln(b, c.style.Dim(spaced(c.clock(ev), "unchanged", few(ev.Cause, maxCause), ev.Message)))
}

// incident shows what happened to the live server without an edit.
func (c *Console) incident(b *strings.Builder, ev control.Event, label string) {
	generation := ""
	if ev.Generation > 0 {
		generation = c.style.Bold(fmt.Sprintf("gen %d", ev.Generation))
	}
	fmt.Fprintln(b, spaced(c.stamp(ev), generation, c.style.Red(label)))
	c.fully(b, ev.Diagnostics)
	if !slices.ContainsFunc(ev.Diagnostics, func(d manifest.Diagnostic) bool {
		return strings.Contains(ev.Message, d.Message)
	}) {
		c.paragraph(b, ev.Message)
	}
}
