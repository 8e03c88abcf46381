package engine

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/launch"
	"github.com/anvilforge/anvil-lsp/internal/watch"
)

// rig runs a loop whose tasks the test carries out. It belongs into a bubble of
// synctest: what the loop does not do can be seen there, too.
type rig struct {
	*testing.T
	e       *Engine
	batches chan watch.Batch
	live    chan launch.Event
	tasks   chan *job
	events  <-chan control.Event
	stop    context.CancelFunc
	done    chan struct{} // closed when the loop has returned
}

// job is a task that the loop has started.
type job struct {
	*task
	ctx    context.Context
	result chan outcome
}

func inLoop(t *testing.T, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{
			T: t, e: newTestEngine(t), batches: make(chan watch.Batch), live: make(chan launch.Event),
			tasks: make(chan *job, 10), done: make(chan struct{}),
		}
		var err error
		if r.e.out, err = openOutDir(r.e.opts.Dir); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := r.e.out.close(); err != nil {
				t.Error(err)
			}
		}()
		r.events = r.e.events.Subscribe(t.Context())
		l := newLoop(r.e)
		l.work = func(t *task, ctx context.Context) outcome {
			j := &job{task: t, ctx: ctx, result: make(chan outcome)}
			r.tasks <- j
			select {
			case out := <-j.result:
				return out
			case <-r.Context().Done(): // the test has failed, or does not care
				return outcome{cancelled: true}
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		r.stop = stop
		go func() {
			defer close(r.done)
			l.run(ctx, r.batches, r.live)
			close(r.e.ended)
		}()
		test(r)
		stop()
	})
}

// task returns the task that the loop has started.
func (r *rig) task() *job {
	r.Helper()
	synctest.Wait()
	select {
	case j := <-r.tasks:
		return j
	default:
		r.Fatal("no task was started")
		return nil
	}
}

func (r *rig) noTask() {
	r.Helper()
	synctest.Wait()
	select {
	case j := <-r.tasks:
		r.Fatalf("a task was started, for %v", j.files)
	default:
	}
}

func (r *rig) save(files ...string) {
	now := time.Now()
	r.batches <- watch.Batch{Files: files, First: now, End: now.Add(10 * time.Millisecond)}
}

// ask has a client ask for something; the answer is the channel's one value.
func (r *rig) ask(kind requestKind, generation int) <-chan control.Event {
	answer := make(chan control.Event, 1)
	go func() {
		if ev, err := r.e.do(r.Context(), request{kind: kind, generation: generation}); err == nil {
			answer <- ev
		}
	}()
	synctest.Wait()
	return answer
}

func (r *rig) answered(answer <-chan control.Event, kind control.EventKind, message string) {
	r.Helper()
	synctest.Wait()
	select {
	case ev := <-answer:
		if ev.Kind != kind || ev.Message != message {
			r.Errorf("the answer is %s %q, want %s %q", ev.Kind, ev.Message, kind, message)
		}
	default:
		r.Errorf("there is no answer, want %s", kind)
	}
}

func (r *rig) unanswered(answer <-chan control.Event) {
	r.Helper()
	synctest.Wait()
	select {
	case ev := <-answer:
		r.Errorf("there is an answer: %s %s", ev.Kind, ev.Message)
	default:
	}
}

// published returns the kinds of the events since the last call.
func (r *rig) published() []control.EventKind {
	synctest.Wait()
	var kinds []control.EventKind
	for {
		select {
		case ev := <-r.events:
			kinds = append(kinds, ev.Kind)
		default:
			return kinds
		}
	}
}

func (j *job) end(out outcome) {
	out.main, out.generation, out.runsIn = "example.com/app", j.generation, j.runsIn
	j.result <- out
	synctest.Wait()
}

// endLive ends a task with a generation that serves what the files were.
func (j *job) endLive() {
	j.generation++
	if j.loading.IsZero() {
		j.loading = time.Now()
	}
	j.end(outcome{clean: true, snap: &build.Snapshot{}, loading: j.loading, event: control.Event{Kind: control.EventLive, Generation: j.generation - 1}})
}

func (j *job) endKept(message string) {
	j.end(outcome{event: control.Event{Kind: control.EventKept, Message: message}})
}

func (j *job) endCancelled() {
	j.end(outcome{cancelled: true})
}

func (j *job) cancelled() bool {
	synctest.Wait()
	return j.ctx.Err() != nil
}

func (r *rig) files(j *job, want ...string) {
	r.Helper()
	if !slices.Equal(j.files, want) {
		r.Errorf("the task is for %v, want %v", j.files, want)
	}
}

// started brings the loop to where the first generation serves.
func (r *rig) started() {
	r.Helper()
	r.task().endLive()
	r.noTask()
	r.published()
}
