//go:build anvilhot

package hotreload

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/clash"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/mapped"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/plugins"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/plural"
)

// loader turns plugins into generations, one at a time, and remembers those that
// were live so that they can be again: Go never unloads a plugin, so its code
// is still there.
type loader struct {
	state    *LiveState
	open     plugins.Opener
	handlers string // import path of the handlers package, if known
	events   *transport.Stream[control.LiveEvent]

	loading sync.Mutex // held while a generation is made

	comparing sync.Mutex // guards what follows
	modules   clash.Modules

	tidying sync.Mutex               // guards what follows
	mapped  map[string]mapped.Memory // by path

	mu      sync.Mutex // guards what follows; never held while user code runs
	paths   map[string]bool
	opened  map[string]bool // plugins whose code is loaded, by the path of the request; true: others may refer to it
	numbers map[int]bool
	history []*loaded // by number
	refused []int     // numbers of those that ran code but did not go live
	failed  []manifest.Diagnostic
	notes   []manifest.Diagnostic // of the first generation
	// startRSS is the memory of the process when the first generation went live.
	startRSS int64
	closed   bool
}

// loaded is a generation that was live at least once.
type loaded struct {
	number   int
	plugin   string
	register func(*RouteSink)
	hot      []string
	lines    manifest.Lines
	routes   int
	memory   int64         // that loading it took; when it is over, that it keeps
	lives    []*generation // each time that it went live, but not those that are over
}

func newLoader(state *LiveState, open plugins.Opener, handlers string) *loader {
	l := &loader{
		state: state, handlers: handlers, events: transport.NewStream[control.LiveEvent](),
		paths: map[string]bool{}, opened: map[string]bool{}, numbers: map[int]bool{}, mapped: map[string]mapped.Memory{},
	}
	l.modules.Skip()
	l.open = func(path string) (lookup func(string) (any, error), err error) {
		defer func() {
			// Also if initialisation panicked: that may be why.
			refusal := l.compare(err)
			if refusal != nil {
				_ = recover() // the new process says it again, if it is so there
				lookup, err = nil, refusal
			}
			if lookup != nil || refusal != nil {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.opened[path] = refusal == nil
			}
		}()
		return open(path)
	}
	return l
}

// compare refuses a plugin that was opened, unless failed says that it was not,
// if the process made something before that the plugin has, too: code of the
// plugin would then take equal things for different ones.
func (l *loader) compare(failed error) *plugins.Refusal {
	l.comparing.Lock()
	defer l.comparing.Unlock()
	if failed != nil {
		l.modules.Skip()
		return nil
	}
	if found := l.modules.Clashes(); len(found) > 0 {
		return plugins.RefuseClashes(found)
	}
	return nil
}

// startFrom is start with what the engine says about the first generation.
func (l *loader) startFrom(e *process.Environment, register func(*RouteSink)) control.LoadResult {
	if err := l.preload(e.Needs); err != nil {
		_, ds := plugins.Explain(err)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failed = ds
		return control.LoadResult{Outcome: control.OutcomeRejected, Diagnostics: ds}
	}
	return l.start(e.Generation, e.Plugin, e.HotPaths, register)
}

// preload opens plugins that the one to be served refers to. They were
// generations of a process that is gone.
func (l *loader) preload(paths []string) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	for _, path := range paths {
		if err := plugins.CheckComplete(path); err != nil {
			return plugins.Refuse(control.OutcomeRejected, manifest.CodeRegistration, manifest.Position{},
				"the plugin %s, which the live generation needs, cannot be loaded: %v", path, err)
		}
		var failed error
		doing := func() string { return "package initialisation" }
		open := func() { _, failed = l.open(path) }
		wrong := stack.Guard(time.Duration(control.DefaultDeadline), plugins.LinesOf(path), doing, func() {}, open)
		if wrong != nil {
			return &plugins.Refusal{Outcome: control.OutcomeRejected, Diagnostic: *wrong}
		}
		if failed != nil {
			return plugins.RefuseOpen(path, failed)
		}
	}
	return nil
}

// lacks refuses a plugin that was linked for another process than this.
func (l *loader) lacks(req control.LoadRequest) error {
	if self, err := os.Executable(); req.Executable != "" && (err != nil || !plugins.SameFile(self, req.Executable)) {
		return plugins.Refuse(control.OutcomeUnloadable, manifest.CodeRegistration, manifest.Position{},
			"the plugin %s is for the program %s, this is %s", req.Plugin, req.Executable, self)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, need := range req.Needs {
		if !l.opened[need] {
			return plugins.Refuse(control.OutcomeUnloadable, manifest.CodeRegistration, manifest.Position{},
				"the plugin %s needs %s, which this process has not loaded, or has refused", req.Plugin, need)
		}
	}
	return nil
}

// start makes the first generation, of the plugin if there is one, else of the
// linked handlers. What goes wrong is kept for status.
func (l *loader) start(number int, plugin string, hot []string, register func(*RouteSink)) control.LoadResult {
	result, err := func() (control.LoadResult, error) {
		if plugin != "" {
			return l.load(control.LoadRequest{Generation: number, Plugin: plugin, Hot: hot})
		}
		return l.loadLinked(number, hot, register)
	}()
	if err != nil {
		result.Outcome = control.OutcomeRejected
		_, result.Diagnostics = plugins.Explain(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if result.Outcome != control.OutcomeLive {
		l.failed = result.Diagnostics
	} else {
		l.notes = append(l.notes, result.Diagnostics...)
	}
	return result
}

func (l *loader) loadLinked(number int, hot []string, register func(*RouteSink)) (control.LoadResult, error) {
	if register == nil {
		return control.LoadResult{}, errors.New("there are no handlers: Options.Register is nil and no plugin is given")
	}
	l.loading.Lock()
	defer l.loading.Unlock()
	if err := l.reserve(number, ""); err != nil {
		return control.LoadResult{}, err
	}
	next := &loaded{number: number, register: register, hot: hot, lines: plugins.LinesOf("")}
	return l.attempt(next, time.Duration(control.DefaultDeadline), true, nil), nil
}

// load makes a generation of a plugin and goes live with it. The error is a
// *control.Problem with the request; what is wrong with the plugin is in the
// result.
func (l *loader) load(req control.LoadRequest) (control.LoadResult, error) {
	if req.Plugin == "" || req.Generation <= 0 {
		return control.LoadResult{}, &control.Problem{
			Title: "incomplete load request", Status: http.StatusBadRequest,
			Detail: "it needs the path of a plugin and a generation number from 1 up",
		}
	}
	l.loading.Lock()
	defer l.loading.Unlock()
	if err := l.reserve(req.Generation, req.Plugin); err != nil {
		return control.LoadResult{}, err
	}
	next := &loaded{number: req.Generation, plugin: req.Plugin, hot: req.Hot, lines: plugins.LinesOf(req.Plugin)}
	before := plugins.ResidentBytes()
	result := l.attempt(next, req.Limit(), req.AllowBreaks, func() (err error) {
		if err := l.lacks(req); err != nil {
			return err
		}
		next.register, err = plugins.RegisterFrom[*RouteSink](l.open, req.Plugin, req.Generation, next.lines)
		return err
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if result.Outcome == control.OutcomeUnloadable {
		delete(l.numbers, req.Generation)
	}
	if now := plugins.ResidentBytes(); now > 0 {
		next.memory, result.Growth = max(now-before, 0), now-l.startRSS
	}
	return result, nil
}

// reserve notes that a number and a path are used, and refuses them the second
// time. The same file is never opened twice: Go would answer with the code of
// the first time, or wait for ever if that panicked.
func (l *loader) reserve(number int, path string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return problemClosed()
	}
	if real, err := filepath.EvalSymlinks(path); err == nil && path != "" {
		path = real
	}
	used := func(what string) error {
		detail := what + " was used before: each load needs a new number and a new file"
		return &control.Problem{Title: "used before", Status: http.StatusConflict, Detail: detail}
	}
	switch {
	case l.numbers[number]:
		return used(fmt.Sprintf("generation %d", number))
	case path != "" && l.paths[path]:
		return used("the plugin " + path)
	}
	l.numbers[number] = true
	l.paths[path] = true
	return nil
}

func problemClosed() error {
	const detail = "the live server is shutting down"
	return &control.Problem{Title: "shutting down", Status: http.StatusServiceUnavailable, Detail: detail}
}

// rollback makes an earlier generation live again; 0 means the one before the
// live one. Its register function runs again, because its goroutines ended when
// it was retired.
func (l *loader) rollback(number int) (control.LoadResult, error) {
	l.loading.Lock()
	defer l.loading.Unlock()
	target, err := l.find(number)
	if err != nil {
		return control.LoadResult{}, err
	}
	if live := l.state.current.Load(); live != nil && live.generation == target.number {
		m := live.manifest.Manifest
		return control.LoadResult{Outcome: control.OutcomeLive, Generation: target.number, Manifest: m}, nil
	}
	return l.attempt(target, time.Duration(control.DefaultDeadline), true, nil), nil
}

func (l *loader) find(number int) (*loaded, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, problemClosed()
	}
	live := 0
	if g := l.state.current.Load(); g != nil {
		live = g.generation
	}
	var known []string
	for _, h := range slices.Backward(l.history) {
		if h.number == number || number == 0 && h.number < live {
			return h, nil
		}
		known = append(known, strconv.Itoa(h.number))
	}
	slices.Reverse(known)
	p := &control.Problem{Title: "no such generation", Status: http.StatusNotFound}
	switch {
	case len(known) == 0:
		p.Detail = "no generation was live so far"
	case number == 0:
		p.Detail = fmt.Sprintf("there is no generation before %d; there are: %s", live, strings.Join(known, ", "))
	default:
		p.Detail = fmt.Sprintf("generation %d never went live; there are: %s", number, strings.Join(known, ", "))
	}
	return nil, p
}

// attempt makes a generation and, if nothing speaks against it, goes live with
// it. If open is not nil it finds the register function first. loading is held.
func (l *loader) attempt(next *loaded, deadline time.Duration, allowBreaks bool, open func() error) control.LoadResult {
	g := l.state.newGeneration(next.number, next.plugin)
	g.reg.hot, g.reg.lines, g.made, g.lines = next.hot, next.lines, plugins.MadeAt(next.plugin), next.lines
	g.swapped = func() { l.publish(control.LiveSwapped, g.generation, nil) }
	g.drained = func() {
		l.publish(control.LiveDrained, g.generation, nil)
		go l.unloadIdle() // not at the expense of the last request
	}
	var opened atomic.Bool
	opened.Store(open == nil)
	doing := func() string {
		if opened.Load() {
			return "registration"
		}
		return "package initialisation"
	}
	var made struct { // by the function below; to be read only if that came to its end
		steps  []control.Step
		err    error
		faults []manifest.Diagnostic
	}
	start := time.Now()
	wrong := stack.Guard(deadline, next.lines, doing, g.abandon, func() {
		began := start
		lap := func(name string) {
			now := time.Now()
			made.steps = append(made.steps, control.Step{Name: name, Duration: control.Duration(now.Sub(began))})
			began = now
		}
		if open != nil {
			made.err = open()
			lap(control.StepOpen)
			if made.err != nil {
				return
			}
			opened.Store(true)
		}
		g.reg.exitIfAbandoned()
		root := g.sink()
		next.register(root)
		made.faults = g.prepare(root, source{handlers: cmp.Or(l.handlers, linked(next.register).handlers), hot: next.hot})
		lap(control.StepRegister)
	})
	result := control.LoadResult{Outcome: control.OutcomeRejected}
	var refused, broken []manifest.Diagnostic
	switch {
	case wrong != nil:
		refused = []manifest.Diagnostic{*wrong}
		result.Initialising = !opened.Load()
		result.Steps = []control.Step{{Name: control.StepRegister, Duration: control.Duration(time.Since(start))}}
	case made.err != nil:
		result.Outcome, refused = plugins.Explain(made.err)
		result.Steps = made.steps
	default:
		result.Steps, result.Manifest = made.steps, g.manifest.Manifest
		refused = made.faults
		if len(refused) > 0 || open == nil { // what was live before broke nothing, and breaks nothing again
			break
		}
		switch found := l.state.breaks(g, next.hot); {
		case len(found) == 0:
		case allowBreaks:
			broken = found
		default:
			refused, result.Outcome = found, control.OutcomeBreak
		}
	}
	if len(refused) == 0 && !l.goLive(g, next) {
		refused = []manifest.Diagnostic{manifest.Diagnose(manifest.CodeRegistration, manifest.Position{}, "%v", errClosed)}
	}
	if len(refused) > 0 {
		g.abandon()
		if result.Outcome != control.OutcomeUnloadable { // of that nothing ran
			l.noteRefused(next.number, refused)
		}
		result.Diagnostics = refused
		result.Generation = l.state.liveNumber()
		return result
	}
	result.Outcome, result.Generation = control.OutcomeLive, g.generation
	result.Diagnostics = slices.Concat(g.notes, broken)
	manifest.SortDiagnostics(result.Diagnostics)
	return result
}

// noteRefused says in the first of the findings how many goroutines a generation
// has left behind that did not go live. Go cannot end them from outside.
func (l *loader) noteRefused(number int, findings []manifest.Diagnostic) {
	l.mu.Lock()
	l.refused = append(l.refused, number)
	l.mu.Unlock()
	// Those that heed the generation's context are about to end.
	count := func() int { return stack.CountByGeneration(stack.AllGoroutines())[number] }
	left := count()
	for end := time.Now().Add(100 * time.Millisecond); left > 0 && time.Now().Before(end); left = count() {
		time.Sleep(5 * time.Millisecond)
	}
	if left > 0 && !strings.Contains(findings[0].Message, "keeps running") { // which a hang says of the one
		findings[0].Message += "; what its packages have started goes on until the live server restarts: " +
			plural.Of(left, "goroutine")
	}
}

func (l *loader) goLive(g *generation, from *loaded) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !l.state.goLive(g) {
		return false
	}
	l.failed = nil
	if l.startRSS == 0 {
		l.startRSS = plugins.ResidentBytes()
	}
	from.routes = g.manifest.RouteCount
	for _, h := range l.history { // what is over keeps its code only
		h.lives = slices.DeleteFunc(h.lives, (*generation).isOver)
	}
	from.lives = append(slices.DeleteFunc(from.lives, (*generation).isOver), g)
	if !slices.Contains(l.history, from) {
		l.history = append(l.history, from)
		slices.SortFunc(l.history, func(a, b *loaded) int { return a.number - b.number })
	}
	return true
}

// close refuses all further loads. One that is under way has no effect.
func (l *loader) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// publish hands out an event, and returns to how many readers.
func (l *loader) publish(kind control.LiveEventKind, generation int, d *manifest.Diagnostic) (readers int) {
	return l.events.Publish(control.LiveEvent{Time: time.Now(), Kind: kind, Generation: generation, Diagnostic: d})
}

func (s *LiveState) liveNumber() int {
	if g := s.current.Load(); g != nil {
		return g.generation
	}
	return 0
}

// status describes the process as the engine wants to know it.
func (l *loader) status() control.LiveStatus {
	status := control.LiveStatus{
		PID: os.Getpid(), Goroutines: runtime.NumGoroutine(), RSS: plugins.ResidentBytes(),
		Generations: []control.GenerationStatus{},
	}
	if g := l.state.current.Load(); g != nil {
		status.Ready, status.Generation, status.Manifest = true, g.generation, g.manifest.Manifest
	}
	status.Stats = l.state.stats(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	status.Diagnostics, status.Notes, status.StartRSS = l.failed, slices.Clone(l.notes), l.startRSS
	goroutines := stack.CountByGeneration(stack.AllGoroutines())
	wasLive := func(number int) bool {
		return slices.ContainsFunc(l.history, func(h *loaded) bool { return h.number == number })
	}
	for _, number := range l.refused {
		if n := goroutines[number]; n > 0 && !wasLive(number) {
			refused := control.GenerationStatus{Number: number, Goroutines: n, Retired: true, Drained: true}
			status.Refused = append(status.Refused, refused)
		}
	}
	for _, h := range l.history {
		gs := control.GenerationStatus{
			Number: h.number, Plugin: h.plugin, Routes: h.routes, Memory: h.memory,
			Goroutines: goroutines[h.number], Retired: h.number != status.Generation,
		}
		gs.Drained = gs.Retired
		for _, g := range h.lives {
			gs.InFlight += g.inFlight()
			gs.Drained = gs.Drained && g.isOver()
		}
		status.Generations = append(status.Generations, gs)
	}
	return status
}
