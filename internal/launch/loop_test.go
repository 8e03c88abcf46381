package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// behaviour is what a process does. Times count from its start.
type behaviour struct {
	noExec      bool          // it cannot be started
	silent      bool          // it never answers on its control socket
	ready       time.Duration // when it serves; 0 is at once
	never       bool          // it answers, and never serves
	broken      bool          // its first generation cannot go live
	dies        time.Duration // by itself; 0 is never
	load        string        // what a load does: "" goes live, reject, crash, hang, refuse
	drains      time.Duration // how long that takes
	ignoresTERM bool

	lingers time.Duration // after how much of that it says what its main does; 0: it does not

	holds    []resource    // what it has
	says     string        // what it has printed
	lastSays string        // what it prints when it ends
	waitsFor wait          // what it waits for while it is silent
	leaves   time.Duration // how long what it has started takes to end
	keeps    string        // its state, beside that of the process before
	hands    time.Duration // how long it takes to hand that over
	restored string        // what it does with that of another: "" takes it, slow, refuse
	register time.Duration // how long after that it is ready
}

// fakeProcess acts out a behaviour.
type fakeProcess struct {
	behaviour
	*fakeSystem
	child *child
	words chan string
	img   Image
	begun time.Time

	mu      sync.Mutex
	stopped time.Time // until when it stands still
	awaits  bool      // it waits for the state of another process
	state   string
	loading int                     // the generation that goes live then
	asked   control.HandoverRequest // the last
	drained control.DrainRequest
	gone    bool
	exited  chan struct{}
	over    chan struct{}
}

func (p *fakeProcess) end(state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	p.gone = true
	p.child.exit = Exit{PID: p.child.pid, State: state, Diagnostic: ending{state: state}.describe("")}
	p.log("exit %d %s", p.child.pid, state)
	close(p.exited)
	go func() {
		time.Sleep(p.leaves)
		close(p.over)
	}()
}

func (p *fakeProcess) isGone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// wait is a call that takes d, unless it is called off or the process ends.
func (p *fakeProcess) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.exited:
		return errors.New("connection reset")
	}
}

const forever = 1000 * time.Hour

func (p *fakeProcess) Status(ctx context.Context) (st control.LiveStatus, err error) {
	if p.silent {
		return st, p.wait(ctx, forever)
	}
	if err := p.wait(ctx, 0); err != nil {
		return st, err
	}
	p.mu.Lock()
	stopped, loading := p.stopped, p.loading
	p.mu.Unlock()
	if err := p.wait(ctx, time.Until(stopped)); err != nil {
		return st, err
	}
	st = control.LiveStatus{PID: p.child.pid, Generation: cmp.Or(loading, p.img.Generation)}
	if p.broken {
		st.Diagnostics = []manifest.Diagnostic{manifest.Diagnose(manifest.CodeRoute, manifest.Position{File: "/w/h.go", Line: 7}, "duplicate route")}
		return st, nil
	}
	st.Ready = !p.never && time.Since(p.begun) >= p.ready
	if p.mu.Lock(); p.awaits {
		st.Ready, st.Awaiting = false, st.Ready
	}
	p.mu.Unlock()
	return st, nil
}

func (p *fakeProcess) Load(ctx context.Context, req control.LoadRequest) (res control.LoadResult, err error) {
	p.log("load %d into %d", req.Generation, p.child.pid)
	switch p.load {
	case "reject":
		return control.LoadResult{Outcome: control.OutcomeRejected, Generation: p.img.Generation}, nil
	case "refuse":
		return res, &control.Problem{Title: "busy", Status: 409}
	case "crash":
		p.end("exit status 2")
		return res, errors.New("connection reset")
	case "slow":
		err = p.wait(ctx, time.Second)
	case "hang":
		err = p.wait(ctx, forever)
	case "stop": // it stands still for a minute, and then goes on
		p.mu.Lock()
		p.stopped, p.loading = time.Now().Add(time.Minute), req.Generation
		p.mu.Unlock()
		err = p.wait(ctx, forever)
	}
	return control.LoadResult{Outcome: control.OutcomeLive, Generation: req.Generation}, err
}

func (p *fakeProcess) Rollback(ctx context.Context, req control.RollbackRequest) (control.LoadResult, error) {
	return control.LoadResult{Outcome: control.OutcomeLive, Generation: req.Generation}, nil
}

func (p *fakeProcess) Drain(ctx context.Context, req control.DrainRequest) error {
	if req.Successor {
		p.log("drain %d", p.child.pid)
	} else {
		p.log("drain %d, the last", p.child.pid)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drained = req
	go func() {
		if p.lingers > 0 && p.wait(context.Background(), p.lingers) == nil {
			p.words <- "is at main.go:3"
		}
		if p.wait(context.Background(), p.drains-p.lingers) == nil {
			p.end("exit status 0")
		}
	}()
	return nil
}

func (p *fakeProcess) HandOver(ctx context.Context, req control.HandoverRequest) ([]byte, error) {
	p.mu.Lock()
	p.asked = req
	p.mu.Unlock()
	if p.keeps == "" {
		return nil, nil
	}
	p.log("state of %d", p.child.pid)
	if err := p.wait(ctx, p.hands); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return []byte(p.state + p.keeps), nil
}

func (p *fakeProcess) Release(ctx context.Context, req control.ReleaseRequest) error {
	p.log("release %d", p.child.pid)
	return nil
}

func (p *fakeProcess) Restore(ctx context.Context, state []byte) error {
	if len(state) > 0 {
		p.log("restore %d %s", p.child.pid, state)
	}
	switch p.restored {
	case "refuse":
		return &control.Problem{Title: "no"}
	case "slow":
		return nil // and does not get ready
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = string(state)
	if p.awaits = p.register > 0; p.awaits {
		time.AfterFunc(p.register, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.awaits = false
		})
	}
	return nil
}

func (p *fakeProcess) Events(ctx context.Context) iter.Seq2[control.LiveEvent, error] {
	return func(yield func(control.LiveEvent, error) bool) {
		if yield(control.LiveEvent{Kind: control.LiveSwapped, Generation: p.img.Generation}, nil) {
			_ = p.wait(ctx, forever)
		}
	}
}

// fakeSystem starts fake processes, one behaviour after the other; the last
// one is repeated.
type fakeSystem struct {
	begun      time.Time
	behaviours []behaviour
	blind      bool // it does not tell what a process has

	mu      sync.Mutex
	lines   []string
	pid     int
	running []*fakeProcess
}

func (s *fakeSystem) log(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, time.Since(s.begun).String()+" "+fmt.Sprintf(format, args...))
}

func (s *fakeSystem) start(img Image, awaits bool) (*child, error) {
	s.mu.Lock()
	s.pid++
	b := s.behaviours[min(s.pid, len(s.behaviours))-1]
	pid := s.pid
	s.mu.Unlock()
	if b.noExec {
		return nil, errors.New("exec format error")
	}
	s.log("start %d generation %d %s", pid, img.Generation, img.Plugin)
	p := &fakeProcess{behaviour: b, fakeSystem: s, img: img, awaits: awaits, begun: time.Now(), exited: make(chan struct{}), over: make(chan struct{}), words: make(chan string, 1)}
	p.child = &child{
		pid: pid, remote: p, exited: p.exited, over: p.over, lingers: p.words,
		printed: func() string {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.gone {
				return p.says + p.lastSays
			}
			return p.says
		},
		output: func() string { return "output of " + fmt.Sprint(pid) },
		terminate: func() {
			s.log("term %d", pid)
			if !p.ignoresTERM {
				p.end("signal: terminated")
			}
		},
		kill: func() {
			s.log("kill %d", pid)
			p.end("signal: killed")
		},
	}
	s.mu.Lock()
	s.running = append(s.running, p)
	s.mu.Unlock()
	if b.dies > 0 {
		go func() {
			if p.wait(context.Background(), b.dies) == nil {
				p.end("exit status 1")
			}
		}()
	}
	return p.child, nil
}

// of returns the process behind a child.
func (s *fakeSystem) of(c *child) *fakeProcess {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[slices.IndexFunc(s.running, func(p *fakeProcess) bool { return p.child == c })]
}

func (s *fakeSystem) holdings(c *child) holdings {
	return holdings{known: !s.blind, pid: c.pid, dir: "/w", list: s.of(c).behaviour.holds}
}

func (s *fakeSystem) waits(c, before *child) wait {
	if before != nil && s.of(before).isGone() || s.blind {
		return wait{}
	}
	return s.of(c).waitsFor
}

func (s *fakeSystem) newFront() (*front, error) {
	s.log("front on")
	done := make(chan struct{})
	return &front{done: done, stop: func(bool) { s.log("front off"); close(done) }}, nil
}

// supervised is a Supervisor of fake processes in the bubble of a test.
type supervised struct {
	*testing.T
	*fakeSystem
	s      *Supervisor
	events []string
	stop   context.CancelFunc
	ended  chan struct{}
}

func supervise(t *testing.T, behaviours []behaviour, test func(h *supervised)) (lines, events []string) {
	synctest.Test(t, func(t *testing.T) {
		h := &supervised{T: t, fakeSystem: &fakeSystem{begun: time.Now(), behaviours: behaviours}, ended: make(chan struct{})}
		h.s = newSupervisor(Options{}.withDefaults(), system{
			start: h.start, front: h.newFront, holds: h.holdings, waits: h.waits,
			owner: func(r resource) string { return " by process 77 (node)" },
			keep:  func(*child) {}, drop: func(*child) {},
		})
		var ctx context.Context
		ctx, h.stop = context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.s.Run(ctx) }()
		go func() {
			defer close(h.ended)
			for e := range h.s.Events() {
				h.events = append(h.events, time.Since(h.begun).String()+" "+describe(e))
			}
		}()
		synctest.Wait()
		test(h)
		h.stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		<-h.ended
		for _, p := range h.running {
			if !p.gone {
				t.Errorf("process %d was left behind", p.child.pid)
			}
		}
		if _, err := h.s.Replace(t.Context(), Image{}); !errors.Is(err, ErrStopped) {
			t.Errorf("Replace after the end: %v", err)
		}
		lines, events = h.lines, h.events
	})
	return lines, events
}

func describe(e Event) string {
	switch e := e.(type) {
	case Exited:
		s := fmt.Sprintf("exited generation %d %s", e.Generation, e.Exit.State)
		if e.DuringLoad {
			s += " during load"
		}
		if e.Start != nil {
			s = fmt.Sprintf("not restarted generation %d %s", e.Generation, e.Start.ExitState)
		}
		if e.NextAttempt.IsZero() {
			return s
		}
		return fmt.Sprintf("%s, next in %v", s, time.Until(e.NextAttempt))
	case Restarted:
		return fmt.Sprintf("restarted generation %d", e.Status.Generation)
	case GaveUp:
		return fmt.Sprintf("gave up after %d", e.Deaths)
	case Late:
		return fmt.Sprintf("late: generation %d", e.Status.Generation)
	case NoOverlap:
		return "alone: two processes cannot both " + e.Conflict
	case Lingers:
		return fmt.Sprintf("lingers: %d %s", e.PID, e.Main)
	case Live:
		return fmt.Sprintf("live: %s %d", e.Event.Kind, e.Event.Generation)
	}
	panic(e)
}

// checkLines compares what happened, unless want is nil. Unordered are rows in
// which two processes do something at the same moment.
func checkLines(t *testing.T, lines, want []string, unordered bool) {
	t.Helper()
	if unordered {
		slices.Sort(lines)
		slices.Sort(want)
	}
	if want != nil && !slices.Equal(lines, want) {
		t.Errorf("what happened:\n\t%s\nwant:\n\t%s", strings.Join(lines, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (h *supervised) at(d time.Duration) {
	time.Sleep(time.Until(h.begun.Add(d)))
	synctest.Wait()
}

func (h *supervised) replace(generation int) error {
	_, err := h.s.Replace(h.Context(), Image{Executable: "app", Generation: generation})
	return err
}

func (h *supervised) mustReplace(generation int) {
	h.Helper()
	if err := h.replace(generation); err != nil {
		h.Errorf("Replace: %v", err)
	}
	synctest.Wait()
}

func (h *supervised) load(generation int) error {
	_, err := h.s.Load(h.Context(), control.LoadRequest{Generation: generation, Plugin: fmt.Sprintf("g%d.so", generation)})
	return err
}

// fails checks an error of Replace.
func (h *supervised) fails(err, cause error, text string) {
	h.Helper()
	synctest.Wait()
	start, ok := errors.AsType[*StartError](err)
	if !ok || cause != nil && !errors.Is(err, cause) || !strings.Contains(err.Error(), text) {
		h.Errorf("Replace: %#v (%v); want a StartError because of %v, with %q", err, err, cause, text)
		return
	}
	if start.Output == "" && cause != nil && errors.Is(cause, ErrNotReady) {
		h.Errorf("no output in %#v", start)
	}
}

func TestSupervisor(t *testing.T) {
	for _, test := range []struct {
		name       string
		behaviours []behaviour
		do         func(h *supervised)
		lines      []string // what happens to processes and to the front
		unordered  bool
		events     []string // but for those of live servers
	}{{
		name:       "start, warm restart, clean end",
		unordered:  true,
		behaviours: []behaviour{{ready: 9 * time.Millisecond, drains: time.Second}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "14ms front off",
			"14ms start 2 generation 2 ", "28ms drain 1", "28ms drain 2, the last", "1.028s exit 1 exit status 0", "1.028s exit 2 exit status 0",
		},
	}, {
		name:       "cannot be executed",
		behaviours: []behaviour{{}, {noExec: true}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.fails(h.replace(2), nil, "exec format error [ANV012]")
		},
		lines: []string{"0s front on", "0s start 1 generation 1 ", "0s front off", "0s drain 1, the last", "0s exit 1 exit status 0"},
	}, {
		name:       "crash before ready",
		behaviours: []behaviour{{}, {ready: forever, dies: 20 * time.Millisecond}},
		do: func(h *supervised) {
			h.mustReplace(1)
			err := h.replace(2)
			h.fails(err, nil, "ended by itself (exit status 1)")
			if exit, ok := errors.AsType[*ExitError](err); !ok || exit.Exit.PID != 2 {
				h.Errorf("Replace: %v, want an ExitError within", err)
			}
			if st, err := h.s.Status(h.Context()); err != nil || st.PID != 1 {
				h.Errorf("Status: %+v, %v; want the old process", st, err)
			}
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off",
			"0s start 2 generation 2 ", "20ms exit 2 exit status 1", "20ms drain 1, the last", "20ms exit 1 exit status 0",
		},
	}, {
		name:       "first generation cannot go live",
		behaviours: []behaviour{{broken: true}},
		do: func(h *supervised) {
			h.fails(h.replace(1), nil, "/w/h.go:7: duplicate route [ANV004]")
			if _, err := h.s.Status(h.Context()); !errors.Is(err, ErrNoLiveServer) {
				h.Errorf("Status: %v", err)
			}
			h.at(time.Hour) // it never was good: it is not started again
		},
		lines: []string{"0s front on", "0s start 1 generation 1 ", "0s drain 1", "0s exit 1 exit status 0", "1h0m0s front off"},
	}, {
		name:       "hang before ready, ignores SIGTERM",
		behaviours: []behaviour{{}, {silent: true, ignoresTERM: true}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.fails(h.replace(2), ErrNotReady, "hotreload.LiveServer")
			h.at(40 * time.Second)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ",
			"30s term 2", "33s kill 2", "33s exit 2 signal: killed", "40s drain 1, the last", "40s exit 1 exit status 0",
		},
	}, {
		name:       "answers and never gets ready",
		behaviours: []behaviour{{never: true}},
		do:         func(h *supervised) { h.fails(h.replace(1), ErrNotReady, "still being registered") },
		lines:      []string{"0s front on", "0s start 1 generation 1 ", "30s drain 1", "30s exit 1 exit status 0", "30s front off"},
	}, {
		name:       "old one does not drain and ignores SIGTERM",
		behaviours: []behaviour{{drains: forever, ignoresTERM: true}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
			h.at(time.Minute)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s drain 1",
			"10s term 1", "13s kill 1", "13s exit 1 signal: killed", "1m0s drain 2, the last", "1m0s exit 2 exit status 0",
		},
	}, {
		name:       "the end does not wait for ever",
		behaviours: []behaviour{{drains: forever, ignoresTERM: true}},
		do:         func(h *supervised) { h.mustReplace(1) },
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off",
			"0s drain 1, the last", "6s term 1", "9s kill 1", "9s exit 1 signal: killed",
		},
	}, {
		name:       "the end while an old one drains",
		behaviours: []behaviour{{drains: forever}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
			h.at(time.Second)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s drain 1",
			"1s drain 2, the last", "1s exit 2 exit status 0", "7s term 1", "7s exit 1 signal: terminated",
		},
	}, {
		name:       "the end while an old one has drained for long",
		behaviours: []behaviour{{drains: forever}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
			h.at(8 * time.Second)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s drain 1",
			"8s drain 2, the last", "8s exit 2 exit status 0", "10s term 1", "10s exit 1 signal: terminated",
		},
	}, {
		name:       "crash after ready",
		behaviours: []behaviour{{dies: time.Minute}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(2 * time.Minute)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "1m0s exit 1 exit status 1", "1m0s front on",
			"1m0s start 2 generation 1 ", "1m0s front off", "2m0s drain 2, the last", "2m0s exit 2 exit status 0",
		},
		events: []string{"1m0s exited generation 1 exit status 1, next in 0s", "1m0s restarted generation 1"},
	}, {
		name: "crashes soon after each start",
		behaviours: []behaviour{
			{dies: time.Second}, {dies: time.Second}, {dies: time.Second}, {dies: time.Second}, {dies: 11 * time.Second}, {},
		},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(time.Minute)
		},
		events: []string{
			"1s exited generation 1 exit status 1, next in 0s", "1s restarted generation 1",
			"2s exited generation 1 exit status 1, next in 250ms", "2.25s restarted generation 1",
			"3.25s exited generation 1 exit status 1, next in 500ms", "3.75s restarted generation 1",
			"4.75s exited generation 1 exit status 1, next in 1s", "5.75s restarted generation 1",
			"16.75s exited generation 1 exit status 1, next in 0s", "16.75s restarted generation 1", // it was healthy for a while
		},
	}, {
		name:       "dies again and again before ready",
		behaviours: []behaviour{{dies: time.Minute}, {silent: true, dies: time.Second}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(time.Hour)
		},
		events: []string{
			"1m0s exited generation 1 exit status 1, next in 0s",
			"1m1s not restarted generation 1 exit status 1, next in 250ms",
			"1m2.25s not restarted generation 1 exit status 1, next in 500ms",
			"1m3.75s not restarted generation 1 exit status 1, next in 1s",
			"1m5.75s not restarted generation 1 exit status 1, next in 2s",
			"1m8.75s not restarted generation 1 exit status 1, next in 4s",
			"1m13.75s not restarted generation 1 exit status 1",
			"1m13.75s gave up after 6",
		},
	}, {
		name: "Replace after giving up starts afresh",
		behaviours: []behaviour{
			{dies: time.Second}, {noExec: true}, {noExec: true}, {noExec: true}, {noExec: true}, {noExec: true}, {noExec: true},
			{dies: time.Second}, {},
		},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(time.Minute)
			h.events = nil
			h.mustReplace(2)
			h.at(2 * time.Minute)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "1s exit 1 exit status 1", "1s front on",
			"1m0s start 8 generation 2 ", "1m0s front off", "1m1s exit 8 exit status 1", "1m1s front on",
			"1m1s start 9 generation 2 ", "1m1s front off", "2m0s drain 9, the last", "2m0s exit 9 exit status 0",
		},
		events: []string{"1m1s exited generation 2 exit status 1, next in 0s", "1m1s restarted generation 2"},
	}, {
		name:       "crash during load: the generation before is started again",
		behaviours: []behaviour{{load: ""}, {load: "crash"}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
			err := h.load(3)
			if exit, ok := errors.AsType[*ExitError](err); !ok || exit.Exit.State != "exit status 2" {
				h.Errorf("Load: %v", err)
			}
			h.at(time.Second)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s drain 1", "0s exit 1 exit status 0",
			"0s load 3 into 2", "0s exit 2 exit status 2", "0s front on", "0s start 3 generation 2 ", "0s front off",
			"1s drain 3, the last", "1s exit 3 exit status 0",
		},
		events: []string{"0s exited generation 2 exit status 2 during load, next in 0s", "0s restarted generation 2"},
	}, {
		name:       "what was loaded is started again",
		behaviours: []behaviour{{dies: time.Minute}},
		do: func(h *supervised) {
			h.mustReplace(1)
			for _, g := range []int{2, 3} {
				if err := h.load(g); err != nil {
					h.Error(err)
				}
			}
			h.at(90 * time.Second)
			if err := h.load(4); err != nil {
				h.Error(err)
			}
			if _, err := h.s.Rollback(h.Context(), control.RollbackRequest{Generation: 3}); err != nil {
				h.Error(err)
			}
			h.at(130 * time.Second)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s load 2 into 1", "0s load 3 into 1",
			"1m0s exit 1 exit status 1", "1m0s front on", "1m0s start 2 generation 3 g3.so", "1m0s front off", "1m30s load 4 into 2",
			"2m0s exit 2 exit status 1", "2m0s front on", "2m0s start 3 generation 3 g3.so", "2m0s front off",
			"2m10s drain 3, the last", "2m10s exit 3 exit status 0",
		},
		events: []string{
			"1m0s exited generation 3 exit status 1, next in 0s", "1m0s restarted generation 3",
			"2m0s exited generation 3 exit status 1, next in 0s", "2m0s restarted generation 3",
		},
	}, {
		name:       "a load that is not accepted changes nothing",
		behaviours: []behaviour{{load: "reject", dies: time.Minute}, {load: "refuse", dies: time.Minute}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			if err := h.load(2); err != nil {
				h.Error(err)
			}
			h.at(70 * time.Second)
			if err := h.load(3); err == nil || !strings.Contains(err.Error(), "busy") {
				h.Errorf("Load: %v", err)
			}
			h.at(140 * time.Second)
		},
		events: []string{
			"1m0s exited generation 1 exit status 1, next in 0s", "1m0s restarted generation 1",
			"2m0s exited generation 1 exit status 1, next in 0s", "2m0s restarted generation 1",
		},
	}, {
		name:       "a load that nobody waits for counts",
		behaviours: []behaviour{{load: "slow", dies: time.Minute}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			ctx, cancel := context.WithTimeout(h.Context(), time.Millisecond)
			defer cancel()
			if _, err := h.s.Load(ctx, control.LoadRequest{Generation: 2, Plugin: "g2.so"}); !errors.Is(err, context.DeadlineExceeded) {
				h.Errorf("Load: %v", err)
			}
			h.at(90 * time.Second)
		},
		events: []string{"1m0s exited generation 2 exit status 1, next in 0s", "1m0s restarted generation 2"},
	}, {
		name:       "a load that hangs is given up",
		behaviours: []behaviour{{load: "hang"}},
		do: func(h *supervised) {
			h.mustReplace(1)
			if err := h.load(2); !errors.Is(err, context.DeadlineExceeded) {
				h.Errorf("Load: %v", err)
			}
			if now := time.Since(h.begun); now != 10*time.Second {
				h.Errorf("after %v", now)
			}
		},
	}, {
		name:       "a load that was given up goes live after all, and is what is started again",
		behaviours: []behaviour{{load: "stop", dies: 5 * time.Minute}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			if err := h.load(2); !errors.Is(err, ErrNoAnswer) {
				h.Errorf("Load: %v", err)
			}
			h.at(6 * time.Minute)
		},
		events: []string{"1m0s late: generation 2", "5m0s exited generation 2 exit status 1, next in 0s", "5m0s restarted generation 2"},
	}, {
		name:       "a load that was given up, into a process that is replaced meanwhile",
		behaviours: []behaviour{{load: "stop", drains: 2 * time.Minute}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			if err := h.load(2); !errors.Is(err, ErrNoAnswer) {
				h.Errorf("Load: %v", err)
			}
			h.mustReplace(3)
			h.at(6 * time.Minute)
			if st, err := h.s.Status(h.Context()); err != nil || st.Generation != 3 {
				h.Errorf("Status: %+v, %v", st, err)
			}
		},
	}, {
		name:       "a load into a process that is replaced",
		behaviours: []behaviour{{load: "hang"}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			loaded := make(chan error)
			go func() { loaded <- h.load(2) }()
			synctest.Wait()
			h.mustReplace(3)
			if err := <-loaded; !errors.Is(err, ErrSuperseded) {
				h.Errorf("Load: %v", err)
			}
		},
	}, {
		name:       "nothing to load into",
		behaviours: []behaviour{{}},
		do: func(h *supervised) {
			if err := h.load(1); !errors.Is(err, ErrNoLiveServer) {
				h.Errorf("Load: %v", err)
			}
			if _, err := h.s.Rollback(h.Context(), control.RollbackRequest{}); !errors.Is(err, ErrNoLiveServer) {
				h.Errorf("Rollback: %v", err)
			}
		},
		lines: []string{"0s front on", "0s front off"},
	}, {
		name:       "two at once: the later one wins",
		unordered:  true,
		behaviours: []behaviour{{ready: time.Second}},
		do: func(h *supervised) {
			first := make(chan error)
			go func() { first <- h.replace(1) }()
			h.at(500 * time.Millisecond)
			second := make(chan error)
			go func() { second <- h.replace(2) }()
			h.fails(<-first, ErrSuperseded, "superseded")
			if err := <-second; err != nil {
				h.Error(err)
			}
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "500ms start 2 generation 2 ", "500ms drain 1", "500ms exit 1 exit status 0",
			"1.51s front off", "1.51s drain 2, the last", "1.51s exit 2 exit status 0",
		},
	}, {
		name:       "called off",
		behaviours: []behaviour{{}, {ready: time.Second}},
		do: func(h *supervised) {
			h.mustReplace(1)
			ctx, cancel := context.WithTimeout(h.Context(), 500*time.Millisecond)
			defer cancel()
			_, err := h.s.Replace(ctx, Image{Generation: 2})
			h.fails(err, context.DeadlineExceeded, "deadline")
			h.at(time.Minute)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ",
			"500ms drain 2", "500ms exit 2 exit status 0", "1m0s drain 1, the last", "1m0s exit 1 exit status 0",
		},
	}, {
		name:       "the old one dies while the new one starts",
		behaviours: []behaviour{{dies: 2 * time.Second}, {ready: 3 * time.Second}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(time.Second)
			h.mustReplace(2)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "1s start 2 generation 2 ", "2s exit 1 exit status 1", "2s front on",
			"4.01s front off", "4.01s drain 2, the last", "4.01s exit 2 exit status 0",
		},
		events: []string{"2s exited generation 1 exit status 1"},
	}, {
		name:       "the old one dies while a bad new one starts",
		behaviours: []behaviour{{dies: 2 * time.Second}, {silent: true, dies: 2 * time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(time.Second)
			h.fails(h.replace(2), nil, "exit status 1")
			h.at(time.Minute)
		},
		events: []string{"2s exited generation 1 exit status 1", "3s restarted generation 1"},
	}, {
		name:       "Replace while a restart is planned",
		behaviours: []behaviour{{dies: time.Second}, {dies: time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(2100 * time.Millisecond) // the next attempt would be at 2.25 s
			h.mustReplace(2)
			h.at(time.Minute)
		},
		events: []string{
			"1s exited generation 1 exit status 1, next in 0s", "1s restarted generation 1",
			"2s exited generation 1 exit status 1, next in 250ms",
		},
	}, {
		name:       "shutdown during start",
		unordered:  true,
		behaviours: []behaviour{{}, {silent: true}},
		do: func(h *supervised) {
			h.mustReplace(1)
			replaced := make(chan error)
			go func() { replaced <- h.replace(2) }()
			h.at(time.Second)
			h.stop()
			h.fails(<-replaced, ErrStopped, "has ended")
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ",
			"1s drain 1, the last", "1s exit 1 exit status 0", "1s term 2", "1s exit 2 signal: terminated",
		},
	}, {
		name:       "shutdown during a load",
		behaviours: []behaviour{{load: "hang"}},
		do: func(h *supervised) {
			h.mustReplace(1)
			loaded := make(chan error)
			go func() { loaded <- h.load(2) }()
			h.at(time.Second)
			h.stop()
			if err := <-loaded; !errors.Is(err, ErrStopped) {
				h.Errorf("Load: %v", err)
			}
		},
	}} {
		t.Run(test.name, func(t *testing.T) {
			lines, events := supervise(t, test.behaviours, test.do)
			checkLines(t, lines, test.lines, test.unordered)
			events = slices.DeleteFunc(events, func(e string) bool { return strings.Contains(e, " live: ") })
			if !slices.Equal(events, test.events) {
				t.Errorf("events:\n\t%s\nwant:\n\t%s", strings.Join(events, "\n\t"), strings.Join(test.events, "\n\t"))
			}
		})
	}
}

// TestLingersOnce: that an old process goes on is told once, and not when all end.
func TestLingersOnce(t *testing.T) {
	_, events := supervise(t, []behaviour{{}, {drains: 8 * time.Second, lingers: 5 * time.Second}}, func(h *supervised) {
		h.mustReplace(1)
		h.at(time.Minute)
		h.mustReplace(2) // the first one ends at once
		h.at(2 * time.Minute)
		h.mustReplace(3)
		h.at(3 * time.Minute)
		h.mustReplace(4)
		h.at(4 * time.Minute)
	})
	events = slices.DeleteFunc(events, func(e string) bool { return strings.Contains(e, " live: ") })
	if want := []string{"2m5s lingers: 2 is at main.go:3"}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
}

func TestSupervisorPassesOnLiveEvents(t *testing.T) {
	_, events := supervise(t, []behaviour{{}}, func(h *supervised) {
		h.mustReplace(1)
		h.at(time.Second)
		h.mustReplace(2)
	})
	if want := []string{"0s live: swapped 1", "1s live: swapped 2"}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
}

func TestSlowReaderOfEventsLosesLiveOnesOnly(t *testing.T) {
	l := &loop{}
	for range 2 * eventBuffer {
		l.emit(Live{})
		l.emit(GaveUp{})
	}
	live, gaveUp := 0, 0
	for _, e := range l.queue {
		switch e.(type) {
		case Live:
			live++
		case GaveUp:
			gaveUp++
		}
	}
	if live != eventBuffer/2 || gaveUp != 2*eventBuffer {
		t.Errorf("%d live events and %d others are kept", live, gaveUp)
	}
}

func TestFrontThatCannotAnswerEndsRun(t *testing.T) {
	s := newSupervisor(Options{}.withDefaults(), system{front: func() (*front, error) { return nil, errors.New("too many open files") }})
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "too many open files") {
		t.Errorf("Run: %v", err)
	}
}
