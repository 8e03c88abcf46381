package engine

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/launch"
	"github.com/anvilforge/anvil-lsp/internal/watch"
)

// request is what a client asks of the loop.
type request struct {
	kind       requestKind
	generation int                // of a rollback
	fresh      bool               // of a restart: without the state of the process before
	reply      chan control.Event // buffered; receives the final event
}

type requestKind int

const (
	requestNone requestKind = iota
	requestReload
	requestRestart
	requestRollback
	requestApply // what waits, as if it had been saved now
)

// loop is the state that Run's goroutine owns.
type loop struct {
	e          *Engine
	snap       *build.Snapshot    // of the live generation, or of the last one
	last       *manifest.Manifest // of the live generation
	main       string
	generation int // next unused number

	// changed files are those that may differ from snap; arrived are those that changed while the
	// running task was at work. nil, not empty: any file.
	changed, arrived fileSet
	batch            watch.Batch // the newest, for its times
	first            time.Time   // when the first of arrived changed
	reloadLoops      reloadLoops
	wanted           bool // there is something to do that no client asked for
	queue            []request

	// pending: changed or arrived has files that wait because reload on save is paused.
	paused, pending bool

	// gaveUp: the live server ended too often, and waits for a reason to try again. rolledBack: what
	// is live is not snap, but an earlier generation, or one that had been given up.
	gaveUp, rolledBack bool

	digests map[string]digest // what files were like when they were taken up

	runsIn          string // working directory of the application that the user was told of
	restartProposed bool   // a restart, because of the memory budget
	fullLinkWarned  bool   // that a plugin was linked fully

	current request            // of the running task
	cancel  context.CancelFunc // of the running task; nil if there is none
	ports   ports              // of each task
	reports chan report        // of the running task
	results chan outcome

	work func(*task, context.Context) outcome // (*task).run, but in tests
}

func newLoop(e *Engine) *loop {
	l := &loop{
		e: e, main: e.main, generation: 1, wanted: true, digests: map[string]digest{},
		reports: make(chan report), results: make(chan outcome, 1), work: (*task).run,
	}
	l.ports = ports{
		builder: e.builder, checker: e.checker, live: e.sup, opts: &e.opts, publish: e.publish, recheck: e.Recheck,
		reports: l.reports,
	}
	return l
}

// fileSet is a set of absolute paths, or all files there are.
type fileSet struct {
	all   bool
	files map[string]bool
}

func (s *fileSet) add(files ...string) {
	if s.files == nil {
		s.files = map[string]bool{}
	}
	for _, f := range files {
		s.files[f] = true
	}
}

func (s *fileSet) merge(o fileSet) {
	s.all = s.all || o.all
	s.add(slices.Collect(maps.Keys(o.files))...)
}

// list returns the files, sorted; nil for all.
func (s *fileSet) list() []string {
	if s.all {
		return nil
	}
	files := slices.AppendSeq(make([]string, 0, len(s.files)), maps.Keys(s.files))
	slices.Sort(files)
	return files
}

// Run builds and starts the live server and then follows the workspace until the context ends or a
// client asks it to stop. It returns nil after an orderly end; no process, socket or temporary file
// is left.
func (e *Engine) Run(ctx context.Context) (err error) {
	e.runCalled = true
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	parts := newGroup(stop)
	parts.run(ctx, "file watcher", e.watcher.Run)
	// The supervisor ends last: until then the socket is answered.
	supCtx, stopSup := context.WithCancel(context.WithoutCancel(ctx))
	sup := newGroup(stop)
	sup.run(supCtx, "live server", e.sup.Run)
	// A start that a newer save would wait for ends with the engine all the same.
	defer context.AfterFunc(ctx, e.sup.CallOff)()
	parts.run(ctx, "control socket", func(ctx context.Context) error { return e.serve(ctx, stop) })

	e.publish(control.Event{Kind: control.EventStarting})
	if e.mainAddr.note != "" {
		e.publish(warning("%s", e.mainAddr.note))
	}
	e.checkManifest()
	if flags := e.builder.Unheeded(); len(flags) > 0 {
		e.publish(warning("the live server is built without these flags of GOFLAGS: %s", strings.Join(flags, ", ")))
	}
	newLoop(e).run(ctx, e.watcher.Batches(), e.sup.Events())
	close(e.ended)
	stop(nil)
	err = parts.wait()
	stopSup()
	err = errors.Join(err, sup.wait())
	stopped := control.Event{Kind: control.EventStopped}
	if errors.Is(context.Cause(ctx), errStopRequested) {
		stopped.Message = control.StoppedOnRequest
	}
	e.publish(stopped)
	return errors.Join(err, e.Close())
}

// run works until ctx ends. Then every request that it has taken is answered.
func (l *loop) run(ctx context.Context, batches <-chan watch.Batch, live <-chan launch.Event) {
	l.next(ctx)
	for {
		select {
		case <-ctx.Done():
			l.endTask()
			for _, r := range l.queue {
				r.answer(control.Event{Kind: control.EventStopped, Message: "the engine ended"})
			}
			return
		case b, ok := <-batches:
			if !ok {
				batches = nil
				continue
			}
			l.receiveBatch(b)
		case <-l.e.pauses.changed:
			l.pause(l.e.pauses.any())
		case r := <-l.e.requests:
			l.queue = append(l.queue, r)
		case files := <-l.e.rechecks.due:
			l.recheck(files)
		case overlay := <-l.e.speculations:
			l.speculate(ctx, overlay)
		case r := <-l.reports:
			l.receiveReport(r)
		case out := <-l.results:
			l.finish(out)
		case ev, ok := <-live:
			if !ok {
				live = nil
				continue
			}
			_, gaveUp := ev.(launch.GaveUp)
			l.gaveUp = l.gaveUp || gaveUp
			if late, ok := ev.(launch.Late); ok {
				l.last, l.rolledBack = late.Status.Manifest, true // it is not that of snap
			}
			l.e.report(ev)
		}
		l.next(ctx)
	}
}

// receiveBatch adds a batch to what is to be built, and cancels the running task: the batch is
// newer.
func (l *loop) receiveBatch(b watch.Batch) {
	l.batch = b
	l.noteDigests(b.Files)
	if l.first.IsZero() {
		l.first = b.First
	}
	l.arrived.add(b.Files...)
	l.arrived.all = l.arrived.all || b.Overflow
	if l.paused {
		l.reportPending()
		return
	}
	l.wanted = true
	if l.cancel != nil {
		l.cancel()
	}
}

// reportPending leaves what arrived for later.
func (l *loop) reportPending() {
	l.pending = true
	var all fileSet
	all.merge(l.arrived)
	if l.cancel == nil { // else they are being worked on
		all.merge(l.changed)
	}
	l.e.publish(control.Event{
		Kind: control.EventHeld, Cause: l.e.opts.relative(all.list()),
		Message: "reload on save is paused; the change waits",
	})
}

// pause makes later batches wait, or builds what waits.
func (l *loop) pause(paused bool) {
	if l.paused == paused {
		return
	}
	l.paused = paused
	if paused {
		l.e.publish(control.Event{Kind: control.EventPaused, Message: "reload on save is paused"})
		return
	}
	l.e.publish(control.Event{Kind: control.EventResumed, Message: "reload on save is on again"})
	l.wanted = l.wanted || l.pending
	if l.pending && l.cancel != nil { // what arrived is newer than what is being built
		l.cancel()
	}
}

// next starts a task if there is something to do and none is running.
func (l *loop) next(ctx context.Context) {
	if l.cancel != nil || ctx.Err() != nil {
		return
	}
	var force request
	switch {
	case len(l.queue) > 0:
		force, l.queue = l.queue[0], l.queue[1:]
	case !l.wanted:
		return
	}
	if force.kind == requestReload {
		l.reloadLoops.forget()
	}
	leave := force.kind == requestNone && l.reloadsItself()
	if force.kind != requestRollback { // which takes no file up
		l.wanted, l.pending = false, false
	}
	l.changed.merge(l.arrived)
	l.arrived, l.first = fileSet{}, time.Time{}
	if leave {
		l.batch = watch.Batch{}
		return
	}
	t := l.newTask(force)
	if !l.batch.First.IsZero() {
		t.begun = l.batch.First
		t.step(control.StepDebounce, l.batch.End.Sub(l.batch.First))
		l.batch = watch.Batch{}
	}
	if force.kind != requestRollback { // which builds nothing
		l.e.publish(control.Event{Kind: control.EventBuilding, Cause: t.cause()})
		t.lost, t.unusable = l.restore()
	}
	l.e.attributes.begin()
	taskCtx, cancel := context.WithCancel(ctx)
	l.cancel, l.current = cancel, force
	go func() { l.results <- l.work(t, taskCtx) }()
}

// reloadsItself reports whether what arrived is to be left alone, because loading it brings it
// about. It stays among what changed, for the next build.
func (l *loop) reloadsItself() bool {
	if l.arrived.all || l.changed.all {
		return false
	}
	files := l.arrived.list()
	leave, message := l.reloadLoops.observe(files, l.first, l.e.opts.relative)
	if message != "" {
		l.e.publish(control.Event{Kind: control.EventWarning, Cause: l.e.opts.relative(files), Message: message})
	}
	return leave && l.reloadLoops.all(l.reloadLoops.ignored, l.changed.list())
}

// newTask returns a task with what is known now.
func (l *loop) newTask(force request) *task {
	t := &task{
		ports: l.ports, snap: l.snap, last: l.last, main: l.main, files: l.changed.list(), force: force,
		generation: l.generation, begun: time.Now(), gaveUp: l.gaveUp, rolledBack: l.rolledBack, runsIn: l.runsIn,
	}
	if force.kind == requestReload {
		t.files = nil // whatever the watcher may have missed
	}
	return t
}

// restore makes the output directory again if somebody deleted it. It reports whether the live
// server was lost with it: its socket is gone.
func (l *loop) restore() (lost bool, err error) {
	out := l.e.out
	gone, err := out.restore()
	if gone && err == nil {
		l.e.publish(warning("%s was deleted: rebuilding everything and restarting the live server", out.path))
		err = l.e.listenAgain()
	}
	return out.lost, err
}

// receiveReport applies what the running task reports.
func (l *loop) receiveReport(r report) {
	if r.watch != nil {
		r.began <- l.e.follow(*r.watch)
	}
	if r.main != "" {
		l.e.setMain(r.main)
	}
	if r.newest != nil {
		l.learn(func(k *baseline) { k.newest = r.newest })
		if l.snap == nil && l.e.opts.OnPredictable != nil {
			l.e.opts.OnPredictable()
		}
	}
}

// learn changes what the Predictor knows.
func (l *loop) learn(change func(*baseline)) {
	k := baseline{}
	if old := l.e.baseline.Load(); old != nil {
		k = *old
	}
	change(&k)
	l.e.baseline.Store(&k)
}

// endTask cancels the running task, if there is one, and waits for its outcome.
func (l *loop) endTask() {
	for l.cancel != nil {
		l.cancel()
		select {
		case r := <-l.reports:
			l.receiveReport(r)
		case out := <-l.results:
			l.finish(out)
		}
	}
}

// finish ends the running task. What a client asked for is not forgotten if a newer batch cancelled
// it.
func (l *loop) finish(out outcome) {
	l.cancel()
	l.cancel = nil
	l.apply(&out)
	if out.cancelled {
		if l.current.kind != requestNone {
			l.queue = slices.Insert(l.queue, 0, l.current)
		}
		return
	}
	if l.current.kind != requestRollback { // which reads no file
		l.wanted = l.e.attributes.end(out.denied) && !l.paused || l.wanted
	}
	l.current.answer(l.e.publish(out.event))
}

// apply is the one place where the effects of a task become state. All of them are true whether or
// not the task was cancelled, which leaves those out that are not.
func (l *loop) apply(out *outcome) {
	l.generation, l.main, l.runsIn = out.generation, out.main, out.runsIn
	if s := cmp.Or(out.refused, out.snap); s != nil {
		l.snap = s
	}
	if out.manifest != nil {
		l.last = out.manifest
		if err := l.e.writeManifest(l.snap, l.last); err != nil {
			out.event.Message = err.Error()
		}
	}
	if out.snap != nil || out.refused != nil || out.manifest != nil {
		l.learn(func(k *baseline) {
			k.live, k.manifest = l.snap, l.last
			if out.snap != nil {
				k.newest = out.snap
			}
		})
	}
	if out.clean {
		l.changed = fileSet{}
	}
	if out.target != nil {
		l.e.setTarget(out.target)
	}
	if out.started {
		l.restartProposed, l.e.out.lost = false, false
		l.e.compareAddress(out.addr)
	}
	l.checkBudget(out.growth)
	l.warnFullLink(out.fullLink)
	switch out.event.Kind {
	case control.EventLive:
		l.gaveUp, l.rolledBack = false, false
		l.reloadLoops.served(out.loading, time.Now())
	case control.EventRolledBack:
		l.rolledBack = true
	}
}

// checkBudget proposes a restart, once for each process, when the live server has grown too much.
func (l *loop) checkBudget(growth int64) {
	if growth <= cmp.Or(l.e.opts.MemoryBudget, 1<<30) || l.restartProposed {
		return
	}
	l.restartProposed = true
	l.e.publish(warning("the live server has grown by %d MB since it started. Go never frees the memory of plugins; "+
		"a restart does: `anvil-lsp ctl restart`", growth>>20))
}

// warnFullLink says, once, that saves take longer than they should.
func (l *loop) warnFullLink(why string) {
	if why == "" || l.fullLinkWarned || l.e.builder.ChoseFull() {
		return
	}
	l.fullLinkWarned = true
	l.e.publish(warning("the plugin needed a full link, which takes longer and uses more memory: %s "+
		"(shown once; `anvil-lsp ctl status` counts full links)", why))
}

func (r request) answer(ev control.Event) {
	if r.reply != nil {
		r.reply <- ev
	}
}
