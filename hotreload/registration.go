package hotreload

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// registration is what one generation registers: all RouteSinks of a
// generation write into the same one. User code may hold on to a sink and call
// it from any goroutine, so everything is guarded.
type registration struct {
	generation int
	container  *Container // as this generation sees it
	ctx        context.Context
	logger     *slog.Logger
	hot        []string // import paths of the hot packages, if known
	lines      manifest.Lines
	phase      atomic.Int32

	mu       sync.Mutex
	entries  []RouteEntry
	faults   []manifest.Diagnostic // each of them keeps the generation from going live
	notes    []manifest.Diagnostic // findings that do not
	notFound fallback
	notAllow fallback
	onError  fallback
	indexes  []*staged
	states   map[string]askedState
}

// Phases of a registration.
const (
	staging   int32 = iota // the register function may run
	sealed                 // it returned; nothing is added any more
	live                   // its generation went live
	retired                // another one did since
	abandoned              // it was given up; whoever calls a sink ends
)

// fallback is something that a generation has one of.
type fallback struct {
	box      HandlerBox
	sink     *RouteSink // where it was set
	hook     func(http.ResponseWriter, *http.Request, error)
	position manifest.Position
}

func newRegistration(ctx context.Context, generation int, c *Container, logger *slog.Logger) *registration {
	g := &registration{generation: generation, ctx: ctx, logger: logger, states: map[string]askedState{}}
	g.container = c.forGeneration(g)
	return g
}

// is reports the phase. A nil registration, which stands for main, is in none.
func (g *registration) is(phase int32) bool { return g != nil && g.phase.Load() == phase }

// pending reports that it is not decided yet whether the generation goes live.
func (g *registration) pending() bool { return g.is(staging) || g.is(sealed) }

// enter moves to a phase, unless the registration was given up.
func (g *registration) enter(phase int32) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.is(abandoned) {
		return false
	}
	g.phase.Store(phase)
	return true
}

// exitIfAbandoned ends the calling goroutine if the registration was given up.
// It is how an endless register function is stopped after all: Go has no way
// to end another goroutine.
func (g *registration) exitIfAbandoned() {
	if g.is(abandoned) {
		runtime.Goexit()
	}
}

// callerPosition returns the line that the user wrote. A nil registration knows of
// no lines.
func (g *registration) callerPosition() manifest.Position {
	if g == nil {
		return stack.Caller(nil)
	}
	return stack.Caller(g.lines)
}

// edit calls change with the registration locked. After the registration is
// over a call has no effect and is logged.
func (g *registration) edit(call string, at manifest.Position, change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.exitIfAbandoned()
	if !g.is(staging) {
		g.logger.Warn("hotreload: "+call+" after registration has no effect", "at", at.String(), "generation", g.generation)
		return
	}
	change()
}

// fault records what keeps this generation from going live. The registration
// is locked.
func (g *registration) fault(code manifest.Code, at manifest.Position, format string, args ...any) {
	g.faults = append(g.faults, manifest.Diagnose(code, at, format, args...))
}

// once sets something that a generation has one of. The registration is
// locked.
func (g *registration) once(call string, where *fallback, what fallback) {
	if where.position.File != "" {
		d := manifest.Diagnose(manifest.CodeRoute, what.position, "%s is set twice", call)
		d.Related = []manifest.Related{{Position: where.position, Message: "first set here"}}
		g.faults = append(g.faults, d)
		return
	}
	*where = what
}

// knownState returns the cell in which this generation found a state key before,
// nil if it did not.
func (g *registration) knownState(key string, typ reflect.Type) *stateCell {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	cell := g.states[key].cell
	if cell != nil && cell.typ != typ {
		panic(fmt.Sprintf("hotreload: state %q is asked for as %s and as %s",
			key, symbol.NameOf(cell.typ), symbol.NameOf(typ)))
	}
	return cell
}

// askedState is how a generation asked for a state key first.
type askedState struct {
	cell      *stateCell
	transient bool
}

// rememberState records the cell in which this generation finds a state key.
func (g *registration) rememberState(key string, asked askedState) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.states[key] = asked
}

func (g *registration) knownStates() map[string]askedState {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.states)
}

// hotPackages returns the import paths of the hot packages, as far as they are
// known. A nil registration knows none.
func (g *registration) hotPackages() []string {
	if g == nil {
		return nil
	}
	return g.hot
}

// note passes on a finding that does no harm to the generation: with the
// result of its load, or once that is out, in the log.
func (g *registration) note(d manifest.Diagnostic) {
	logger := slog.Default()
	if g != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		switch {
		case g.pending():
			g.notes = append(g.notes, d)
			return
		case g.is(abandoned):
			return
		}
		logger = g.logger
	}
	level := slog.LevelWarn
	if d.Severity == manifest.SeverityInformation {
		level = slog.LevelInfo
	}
	logger.Log(context.Background(), level, "hotreload: "+d.Message, "code", string(d.Code), "at", d.Position.String())
}

// diagnostics returns the faults and the notes so far.
func (g *registration) diagnostics() (faults, notes []manifest.Diagnostic) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.faults), slices.Clone(g.notes)
}
