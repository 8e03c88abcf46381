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
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
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
	indexes  []*indexDraft
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
	reg := &registration{generation: generation, ctx: ctx, logger: logger, states: map[string]askedState{}}
	reg.container = c.forGeneration(reg)
	return reg
}

// is reports the phase. A nil registration, which stands for main, is in none.
func (reg *registration) is(phase int32) bool { return reg != nil && reg.phase.Load() == phase }

// pending reports that it is not decided yet whether the generation goes live.
func (reg *registration) pending() bool { return reg.is(staging) || reg.is(sealed) }

// enter moves to a phase, unless the registration was given up.
func (reg *registration) enter(phase int32) bool {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	if reg.is(abandoned) {
		return false
	}
	reg.phase.Store(phase)
	return true
}

// exitIfAbandoned ends the calling goroutine if the registration was given up.
// It is how an endless register function is stopped after all: Go has no way
// to end another goroutine.
func (reg *registration) exitIfAbandoned() {
	if reg.is(abandoned) {
		runtime.Goexit()
	}
}

// callerPosition returns the line that the user wrote. A nil registration knows of
// no lines.
func (reg *registration) callerPosition() manifest.Position {
	if reg == nil {
		return stack.Caller(nil)
	}
	return stack.Caller(reg.lines)
}

// edit calls change with the registration locked. After the registration is
// over a call has no effect and is logged.
func (reg *registration) edit(call string, at manifest.Position, change func()) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	reg.exitIfAbandoned()
	if !reg.is(staging) {
		reg.logger.Warn("hotreload: "+call+" after registration has no effect",
			"at", at.String(), "generation", reg.generation)
		return
	}
	change()
}

// fault records what keeps this generation from going live. The registration
// is locked.
func (reg *registration) fault(code manifest.Code, at manifest.Position, format string, args ...any) {
	reg.faults = append(reg.faults, manifest.Diagnose(code, at, format, args...))
}

// once sets something that a generation has one of. The registration is
// locked.
func (reg *registration) once(call string, where *fallback, what fallback) {
	if where.position.File != "" {
		reg.faults = append(reg.faults, rules.SetTwice(call, what.position, where.position))
		return
	}
	*where = what
}

// knownState returns the cell in which this generation found a state key before,
// nil if it did not.
func (reg *registration) knownState(key string, typ reflect.Type) *stateCell {
	if reg == nil {
		return nil
	}
	reg.mu.Lock()
	defer reg.mu.Unlock()
	cell := reg.states[key].cell
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
func (reg *registration) rememberState(key string, asked askedState) {
	if reg == nil {
		return
	}
	reg.mu.Lock()
	defer reg.mu.Unlock()
	reg.states[key] = asked
}

func (reg *registration) knownStates() map[string]askedState {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	return maps.Clone(reg.states)
}

// hotPackages returns the import paths of the hot packages, as far as they are
// known. A nil registration knows none.
func (reg *registration) hotPackages() []string {
	if reg == nil {
		return nil
	}
	return reg.hot
}

// note passes on a finding that does no harm to the generation: with the
// result of its load, or once that is out, in the log.
func (reg *registration) note(d manifest.Diagnostic) {
	logger := slog.Default()
	if reg != nil {
		reg.mu.Lock()
		defer reg.mu.Unlock()
		switch {
		case reg.pending():
			reg.notes = append(reg.notes, d)
			return
		case reg.is(abandoned):
			return
		}
		logger = reg.logger
	}
	level := slog.LevelWarn
	if d.Severity == manifest.SeverityInformation {
		level = slog.LevelInfo
	}
	logger.Log(context.Background(), level, "hotreload: "+d.Message, "code", string(d.Code), "at", d.Position.String())
}

// diagnostics returns the faults and the notes so far.
func (reg *registration) diagnostics() (faults, notes []manifest.Diagnostic) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	return slices.Clone(reg.faults), slices.Clone(reg.notes)
}
