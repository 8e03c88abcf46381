package engine

import (
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/launch"
	"github.com/anvilforge/anvil-lsp/internal/watch"
)

func TestLoopStartsByItself(t *testing.T) {
	inLoop(t, func(r *rig) {
		first := r.task()
		if first.snap != nil || first.main != "" || first.generation != 1 || first.force.kind != requestNone || len(first.cause()) > 0 {
			r.Errorf("the first task is %+v", first.task)
		}
		first.endLive()
		r.noTask()
		if got, want := r.published(), []control.EventKind{control.EventBuilding, control.EventLive}; !slices.Equal(got, want) {
			r.Errorf("events %v, want %v", got, want)
		}
		r.save("/app/b.go", "/app/a.go")
		second := r.task()
		r.files(second, "/app/a.go", "/app/b.go")
		if second.snap == nil || second.main != "example.com/app" || second.generation != 2 {
			r.Errorf("the second task is %+v", second.task)
		}
	})
}

func TestLoopNewestBatchWins(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		r.save("/app/a.go")
		older := r.task()
		time.Sleep(time.Second) // of the bubble's clock
		r.save("/app/b.go")
		if !older.cancelled() {
			r.Error("the older build goes on")
		}
		r.noTask() // two at once would share what belongs to one
		saved := time.Now()
		r.save("/app/c.go")
		older.generation = 5 // the attempt had used its number
		older.endCancelled()
		newer := r.task()
		r.files(newer, "/app/a.go", "/app/b.go", "/app/c.go")
		if newer.cancelled() || newer.generation != 5 {
			r.Errorf("the newer task has generation %d, cancelled %t", newer.generation, newer.cancelled())
		}
		if want := []control.Step{{Name: control.StepDebounce, Duration: control.Duration(10 * time.Millisecond)}}; !newer.begun.Equal(saved) || !slices.Equal(newer.steps, want) {
			r.Errorf("begun at %v after %v, want that of the newest batch, %v", newer.begun, newer.steps, saved)
		}
		newer.endLive()
		r.noTask()
		if got, want := r.published(), []control.EventKind{control.EventBuilding, control.EventBuilding, control.EventLive}; !slices.Equal(got, want) {
			r.Errorf("events %v, want %v", got, want)
		}
		r.save("/app/d.go")
		r.files(r.task(), "/app/d.go") // the others are live
	})
}

// TestLoopBatchAtTheEnd: a load is not cancelled half way. What it brought live
// stays, and only the newer files are left to do.
func TestLoopBatchAtTheEnd(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		r.save("/app/a.go")
		loading := r.task()
		r.save("/app/b.go")
		loading.endLive()
		if got, want := r.published(), []control.EventKind{control.EventBuilding, control.EventLive, control.EventBuilding}; !slices.Equal(got, want) {
			r.Errorf("events %v, want %v", got, want)
		}
		r.files(r.task(), "/app/b.go")
	})
}

// TestLoopAppliesWhatIsTrue: of a task that is cancelled only those effects become state that have come
// about: numbers that are used, plugins that the process has opened, what was said, and what the go
// command reported. Nothing of it is live, and the output directory is still lost.
func TestLoopAppliesWhatIsTrue(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		live, tried, refused := r.e.baseline.Load().live, &build.Snapshot{}, &build.Snapshot{}
		r.e.out.lost = true // somebody deleted it
		r.save("/app/a.go")
		older := r.task()
		if !older.lost || older.snap != live {
			r.Errorf("lost %t, snapshot %p, want %p", older.lost, older.snap, live)
		}
		older.reports <- report{newest: tried}
		r.save("/app/b.go")
		if !older.cancelled() {
			r.Fatal("the older build goes on")
		}
		older.reports <- report{main: "./found"} // it has not noticed yet
		synctest.Wait()
		if k := r.e.baseline.Load(); k.newest != tried || k.live != live || r.e.status.Main != "./found" {
			r.Errorf("reported: newest %p, live %p, main %q", k.newest, k.live, r.e.status.Main)
		}
		older.generation, older.runsIn = 7, "/elsewhere"
		older.end(outcome{cancelled: true, refused: refused})
		newer := r.task()
		r.files(newer, "/app/a.go", "/app/b.go")
		if !newer.lost || newer.generation != 7 || newer.snap != refused || newer.runsIn != "/elsewhere" {
			r.Errorf("afterwards: lost %t, generation %d, snapshot %p, runs in %q", newer.lost, newer.generation, newer.snap, newer.runsIn)
		}
		if k := r.e.baseline.Load(); k.newest != tried || k.live != refused {
			r.Errorf("afterwards: newest %p, live %p", k.newest, k.live)
		}
		building := []control.EventKind{control.EventBuilding, control.EventBuilding}
		if got := r.published(); !slices.Equal(got, building) {
			r.Errorf("events %v, want %v", got, building)
		}

		// What has gone live stays so, though a newer save has cancelled the task.
		r.save("/app/c.go")
		newer.end(outcome{
			clean: true, started: true, snap: tried, target: &target{main: "./served"}, event: control.Event{Kind: control.EventLive},
		})
		last := r.task()
		r.files(last, "/app/c.go")
		if last.lost || last.snap != tried || r.e.status.Main != "./served" {
			r.Errorf("a new process: lost %t, snapshot %p, main %q", last.lost, last.snap, r.e.status.Main)
		}
	})
}

// TestLoopMemoryBudget: a restart is proposed once for each process.
func TestLoopMemoryBudget(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		grown := outcome{clean: true, growth: 2 << 30, event: control.Event{Kind: control.EventLive}}
		restarted := outcome{clean: true, started: true, event: control.Event{Kind: control.EventLive}}
		var want []control.EventKind
		for _, tt := range []struct {
			out    outcome
			events []control.EventKind
		}{
			{grown, []control.EventKind{control.EventBuilding, control.EventWarning, control.EventLive}},
			{grown, []control.EventKind{control.EventBuilding, control.EventLive}},
			{restarted, []control.EventKind{control.EventBuilding, control.EventLive}},
			{grown, []control.EventKind{control.EventBuilding, control.EventWarning, control.EventLive}},
		} {
			r.save("/app/a.go")
			r.task().end(tt.out)
			want = append(want, tt.events...)
		}
		if got := r.published(); !slices.Equal(got, want) {
			r.Errorf("events %v, want %v", got, want)
		}
	})
}

func TestLoopRemembersWhatIsNotLive(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		r.save("/app/a.go")
		r.task().endKept("broken")
		r.noTask()
		r.save("/app/b.go")
		both := r.task()
		r.files(both, "/app/a.go", "/app/b.go")
		both.endLive()
		r.save("/app/c.go")
		r.files(r.task(), "/app/c.go")
	})
}

func TestLoopLostEvents(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		r.batches <- watch.Batch{Files: []string{"/app/a.go"}, Overflow: true}
		all := r.task()
		if all.files != nil {
			r.Errorf("the task is for %v, want any file", all.files)
		}
		all.endKept("broken")
		r.save("/app/b.go")
		if again := r.task(); again.files != nil {
			r.Errorf("the next task is for %v, want any file still", again.files)
		} else {
			again.endLive()
		}
		r.save("/app/c.go")
		r.files(r.task(), "/app/c.go")
	})
}

func TestLoopAnswersRequests(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		r.save("/app/a.go")
		r.task().endKept("broken")
		reload, restart, rollback := r.ask(requestReload, 0), r.ask(requestRestart, 0), r.ask(requestRollback, 3)

		job := r.task()
		if job.force.kind != requestReload || job.files != nil {
			r.Errorf("reload is %+v for %v, want any file", job.force, job.files)
		}
		r.unanswered(reload)
		job.endKept("still broken")
		r.answered(reload, control.EventKept, "still broken")

		job = r.task()
		if job.force.kind != requestRestart {
			r.Errorf("restart is %+v", job.force)
		}
		job.endLive()
		r.answered(restart, control.EventLive, "")

		job = r.task()
		if job.force.kind != requestRollback || job.force.generation != 3 {
			r.Errorf("rollback is %+v", job.force)
		}
		job.end(outcome{event: control.Event{Kind: control.EventRolledBack, Generation: 3}})
		r.answered(rollback, control.EventRolledBack, "")
		r.noTask()
	})
}

func TestLoopRequestOutlivesItsTask(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		answer := r.ask(requestReload, 0)
		first := r.task()
		later := r.ask(requestRestart, 0)
		r.save("/app/a.go")
		if !first.cancelled() {
			r.Error("the older build goes on")
		}
		first.endCancelled()
		r.unanswered(answer)
		second := r.task()
		if second.force.kind != requestReload || second.files != nil {
			r.Errorf("the next task is %+v for %v, want the reload", second.force, second.files)
		}
		second.endLive()
		r.answered(answer, control.EventLive, "")
		r.unanswered(later)
		r.task().endLive()
		r.answered(later, control.EventLive, "")
		r.noTask() // the batch was part of what the requests built
	})
}

// TestLoopRollbackTakesNoFilesUp: a save that arrives with a rollback is built
// after it.
func TestLoopRollbackTakesNoFilesUp(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		r.save("/app/a.go")
		building := r.task()
		answer := r.ask(requestRollback, 0)
		r.save("/app/b.go")
		building.endCancelled()
		rollback := r.task()
		if rollback.force.kind != requestRollback || rollback.rolledBack {
			r.Fatalf("the next task is %+v, rolled back %t, want the rollback", rollback.force, rollback.rolledBack)
		}
		rollback.end(outcome{event: control.Event{Kind: control.EventRolledBack, Generation: 1}})
		r.answered(answer, control.EventRolledBack, "")
		save := r.task()
		r.files(save, "/app/a.go", "/app/b.go")
		if save.force.kind != requestNone || !save.rolledBack {
			r.Errorf("the save is %+v, rolled back %t", save.force, save.rolledBack)
		}
		save.endKept("broken")
		r.save("/app/b.go")
		if save = r.task(); !save.rolledBack {
			r.Error("a failed build forgot the rollback")
		}
		save.endLive()
		r.save("/app/b.go")
		if r.task().rolledBack {
			r.Error("a newer generation is live, and the rollback still counts")
		}
	})
}

// TestLoopAttributes: a change of nothing but attributes counts while what was
// tried last may not be read, and one that came while it was tried is not missed.
func TestLoopAttributes(t *testing.T) {
	denied := func() outcome {
		return (&task{}).kept(&fs.PathError{Op: "open", Path: "/app/a.go", Err: fs.ErrPermission})
	}
	inLoop(t, func(r *rig) {
		counts := func(when string, want bool) {
			r.Helper()
			if r.e.attributes.count("/app/a.go") != want {
				r.Errorf("%s attributes count: %t", when, !want)
			}
		}
		counts("before the first build", false)
		r.task().endLive()
		counts("while all is well", false)
		r.save("/app/a.go")
		r.task().end(denied())
		r.noTask()
		counts("while a file may not be read", true)
		r.save("/app/a.go")
		older := r.task()
		r.save("/app/b.go")
		older.endCancelled()
		if !r.e.attributes.denied.Load() {
			r.Error("an attempt that was given up says that all may be read")
		}
		r.task().end(denied())
		answer := r.ask(requestRollback, 1)
		r.task().end(outcome{event: control.Event{Kind: control.EventWarning}})
		<-answer
		counts("after a rollback, which reads nothing", true)
		r.save("/app/a.go")
		r.task().endKept("a mistake")
		counts("after another mistake", false)

		r.save("/app/a.go")
		j := r.task()
		counts("while it is tried", false)
		j.end(denied())
		again := r.task()
		r.files(again, "/app/a.go", "/app/b.go")
		again.end(denied())
		r.noTask() // nothing has changed since
		r.save("/app/a.go")
		r.task().endLive()
		counts("after all", false)

		r.e.PauseSaves(true)
		answer = r.ask(requestReload, 0)
		j = r.task()
		counts("while it is tried", false)
		j.end(denied())
		<-answer
		r.noTask() // saves wait
	})
}

func TestLoopGaveUp(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		r.live <- launch.GaveUp{Deaths: 6}
		r.noTask()
		if got, want := r.published(), []control.EventKind{control.EventWarning}; !slices.Equal(got, want) {
			r.Errorf("events %v, want %v", got, want)
		}
		r.save("/app/a.go")
		save := r.task()
		if !save.gaveUp {
			r.Error("the save does not know that nothing runs")
		}
		save.endKept("broken")
		r.save("/app/a.go")
		if save = r.task(); !save.gaveUp {
			r.Error("the second save does not know that nothing runs")
		}
		save.endLive()
		r.save("/app/a.go")
		if r.task().gaveUp {
			r.Error("a live server runs, and the save does not know it")
		}
	})
}

func TestLoopEndAnswersEverybody(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		current := r.ask(requestReload, 0)
		job := r.task()
		queued := []<-chan control.Event{r.ask(requestRestart, 0), r.ask(requestRollback, 1)}
		r.stop()
		if !job.cancelled() {
			r.Error("the task goes on")
		}
		for _, a := range append(queued, current) {
			r.unanswered(a)
		}
		job.endCancelled()
		for _, a := range append(queued, current) {
			r.answered(a, control.EventStopped, "the engine ended")
		}
		<-r.done
		r.noTask()
		if _, err := r.e.Reload(r.Context()); !errors.Is(err, errEnded) {
			r.Errorf("a request that comes too late: %v", err)
		}
	})
}

// TestLoopEndDuringALoad: what became live at the last moment is told.
func TestLoopEndDuringALoad(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		answer := r.ask(requestReload, 0)
		job := r.task()
		r.stop()
		job.endLive()
		r.answered(answer, control.EventLive, "")
		<-r.done
	})
}

func TestLoopEndWhileIdle(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		r.stop()
		<-r.done
	})
}

// TestLoopSurvivesItsParts: the watcher and the supervisor close their channels
// when they end, which is before the loop does if they fail.
func TestLoopSurvivesItsParts(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		close(r.batches)
		close(r.live)
		synctest.Wait() // would not return if the loop were spinning
		answer := r.ask(requestReload, 0)
		r.task().endLive()
		r.answered(answer, control.EventLive, "")
	})
}

func TestFileSet(t *testing.T) {
	var s fileSet
	if got := s.list(); got == nil || len(got) > 0 {
		t.Errorf("the empty set is %#v, which must not be nil: that is all files", got)
	}
	s.add("/b", "/a", "/b")
	o := fileSet{}
	o.add("/c", "/a")
	s.merge(o)
	if got, want := s.list(), []string{"/a", "/b", "/c"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := o.list(), []string{"/a", "/c"}; !reflect.DeepEqual(got, want) {
		t.Errorf("what was merged became %v, want %v", got, want)
	}
	s.merge(fileSet{all: true})
	s.merge(o)
	if got := s.list(); got != nil {
		t.Errorf("%v, want nil: all files", got)
	}
}
