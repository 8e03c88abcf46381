package launch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What a process keeps goes over to the next one, or the process goes on with it.
func TestStateGoesOver(t *testing.T) {
	port := resource{tcpPort, "127.0.0.1:6062", true}
	for _, test := range []struct {
		name       string
		behaviours []behaviour
		do         func(h *supervised)
		lines      []string
		events     []string
	}{{
		name:       "warm restart",
		behaviours: []behaviour{{keeps: "a"}, {keeps: "b"}, {keeps: "c"}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
			h.mustReplace(3)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off",
			"0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a", "0s drain 1", "0s exit 1 exit status 0",
			"0s start 3 generation 3 ", "0s state of 2", "0s restore 3 ab", "0s drain 2", "0s exit 2 exit status 0",
			"0s drain 3, the last", "0s exit 3 exit status 0",
		},
	}, {
		name:       "fresh",
		behaviours: []behaviour{{keeps: "a"}},
		do: func(h *supervised) {
			h.mustReplace(1)
			if _, err := h.s.ReplaceFresh(h.Context(), Image{Generation: 2}); err != nil {
				h.Error(err)
			}
			synctest.Wait()
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s drain 1", "0s exit 1 exit status 0",
			"0s drain 2, the last", "0s exit 2 exit status 0",
		},
	}, {
		name:       "a crash leaves nothing",
		behaviours: []behaviour{{keeps: "a", dies: time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(time.Minute)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "1s exit 1 exit status 1", "1s front on",
			"1s start 2 generation 1 ", "1s front off", "1m0s drain 2, the last", "1m0s exit 2 exit status 0",
		},
		events: []string{"1s exited generation 1 exit status 1, next in 0s", "1s restarted generation 1"},
	}, {
		name:       "the new one dies with the state: the old one goes on",
		behaviours: []behaviour{{keeps: "a"}, {dies: 5 * time.Millisecond, restored: "slow"}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.fails(h.replace(2), nil, "exit status 1")
			h.at(time.Second)
			h.mustReplace(3)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a",
			"5ms exit 2 exit status 1", "5ms release 1",
			"1s start 3 generation 3 ", "1s state of 1", "1s restore 3 a", "1s drain 1", "1s exit 1 exit status 0", "1s drain 3, the last", "1s exit 3 exit status 0",
		},
	}, {
		name:       "the new one does not take it: the old one goes on",
		behaviours: []behaviour{{keeps: "a"}, {restored: "refuse"}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.fails(h.replace(2), nil, "does not take the state of the one before: no [ANV012]")
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a", "0s release 1",
			"0s drain 2", "0s exit 2 exit status 0", "0s drain 1, the last", "0s exit 1 exit status 0",
		},
	}, {
		name:       "the old one hangs: the new one begins without, and says so",
		behaviours: []behaviour{{keeps: "a", hands: forever}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			st, err := h.s.Replace(h.Context(), Image{Generation: 2})
			if err != nil || len(st.Notes) != 1 || !strings.Contains(st.Notes[0].Message, "all state starts again, because the process before did not hand it over") {
				h.Errorf("%v, %v", st.Notes, err)
			}
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1",
			"10s drain 1", "10s exit 1 exit status 0", "10s drain 2, the last", "10s exit 2 exit status 0",
		},
	}, {
		name:       "the old one dies of it, and the new one begins without", // whichever is noticed first
		behaviours: []behaviour{{keeps: "a", hands: forever, dies: time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			st, err := h.s.Replace(h.Context(), Image{Generation: 2})
			if err != nil || len(st.Notes) != 1 {
				h.Errorf("%v, %v", st.Notes, err)
			}
		},
	}, {
		name:       "one restart takes over from another",
		behaviours: []behaviour{{keeps: "a", hands: time.Second}, {}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			first := make(chan error, 1)
			go func() { first <- h.replace(2) }()
			h.at(500 * time.Millisecond)
			h.mustReplace(3)
			h.fails(<-first, ErrSuperseded, "")
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1",
			"500ms start 3 generation 3 ", "500ms state of 1", "500ms release 1", "500ms drain 2", "500ms exit 2 exit status 0",
			"1.5s restore 3 a", "1.5s drain 1", "1.5s exit 1 exit status 0", "1.5s drain 3, the last", "1.5s exit 3 exit status 0",
		},
	}, {
		name:       "called off before the state has gone over: the old one goes on",
		behaviours: []behaviour{{keeps: "a", hands: time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			ctx, cancel := context.WithTimeout(h.Context(), 500*time.Millisecond)
			defer cancel()
			_, err := h.s.Replace(ctx, Image{Generation: 2})
			h.fails(err, context.DeadlineExceeded, "")
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1",
			"500ms release 1", "500ms drain 2", "500ms exit 2 exit status 0", "500ms drain 1, the last", "500ms exit 1 exit status 0",
		},
	}, {
		name:       "called off when the state has gone over: the new one may have answered, and goes live",
		behaviours: []behaviour{{keeps: "a"}, {register: 50 * time.Millisecond}},
		do: func(h *supervised) {
			h.mustReplace(1)
			// That it is ready is noticed after 68 ms: it is asked every 20 ms in the end.
			ctx, cancel := context.WithTimeout(h.Context(), 60*time.Millisecond)
			defer cancel()
			if _, err := h.s.Replace(ctx, Image{Generation: 2}); err != nil || ctx.Err() == nil {
				h.Errorf("Replace: %v", err)
			}
			synctest.Wait()
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a",
			"68ms drain 1", "68ms exit 1 exit status 0", "68ms drain 2, the last", "68ms exit 2 exit status 0",
		},
	}, {
		name:       "called off for good when the state has gone over: the old one goes on",
		behaviours: []behaviour{{keeps: "a"}, {register: forever}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			ctx, cancel := context.WithTimeout(h.Context(), time.Second)
			defer cancel()
			replaced := make(chan error)
			go func() {
				_, err := h.s.Replace(ctx, Image{Generation: 2})
				replaced <- err
			}()
			h.at(2 * time.Second)
			h.s.CallOff()
			h.fails(<-replaced, ErrStopped, "")
			h.s.CallOff() // nothing is under way
			h.at(3 * time.Second)
			h.mustReplace(3)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a",
			"2s release 1", "2s drain 2", "2s exit 2 exit status 0",
			"3s start 3 generation 3 ", "3s state of 1", "3s restore 3 a", "3s drain 1", "3s exit 1 exit status 0", "3s drain 3, the last", "3s exit 3 exit status 0",
		},
	}, {
		name:       "called off while it is ready and watched: it goes live",
		behaviours: []behaviour{{holds: []resource{{tcpPort, "127.0.0.1:40000", false}}}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			ctx, cancel := context.WithTimeout(h.Context(), portPatience/2)
			defer cancel()
			if _, err := h.s.ReplaceFresh(ctx, Image{Generation: 2}); err != nil || ctx.Err() == nil {
				h.Errorf("Replace: %v", err)
			}
			synctest.Wait()
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ",
			"250ms drain 1", "250ms exit 1 exit status 0", "250ms drain 2, the last", "250ms exit 2 exit status 0",
		},
	}, {
		name:       "without overlap because one is ready that lacks its port: what that has answered goes along",
		behaviours: []behaviour{{keeps: "a", holds: []resource{{tcpPort, "127.0.0.1:40000", false}}}, {keeps: "b", says: "listen tcp :40000: bind: address already in use"}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a",
			"250ms drain 1", "250ms exit 1 exit status 0", "250ms state of 2", "250ms drain 2", "250ms exit 2 exit status 0",
			"250ms start 3 generation 2 ", "250ms restore 3 ab", "250ms drain 3, the last", "250ms exit 3 exit status 0",
		},
		events: []string{"250ms alone: two processes cannot both listen on 127.0.0.1:40000"},
	}, {
		name:       "and that is not wanted any more as it is ready: it stays, without its port",
		behaviours: []behaviour{{keeps: "a", holds: []resource{{tcpPort, "127.0.0.1:40000", false}}}, {says: "listen tcp :40000: bind: address already in use"}},
		do: func(h *supervised) {
			h.mustReplace(1)
			ctx, cancel := context.WithTimeout(h.Context(), 100*time.Millisecond)
			defer cancel()
			if st, err := h.s.Replace(ctx, Image{Generation: 2}); err != nil || st.PID != 2 || ctx.Err() == nil {
				h.Errorf("Replace: %+v, %v", st, err)
			}
			if err := h.load(3); err != nil { // as the next save does
				h.Error(err)
			}
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a",
			"250ms drain 1", "250ms exit 1 exit status 0", "250ms load 3 into 2", "250ms drain 2, the last", "250ms exit 2 exit status 0",
		},
		events: []string{"250ms alone: two processes cannot both listen on 127.0.0.1:40000"},
	}, {
		name:       "and that is not wanted any more while the old one ends: it stays, and is what is started again",
		behaviours: []behaviour{{keeps: "a", holds: []resource{{tcpPort, "127.0.0.1:40000", false}}, drains: 5 * time.Second}, {says: "listen tcp :40000: bind: address already in use", dies: time.Minute}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			ctx, cancel := context.WithTimeout(h.Context(), time.Second)
			defer cancel()
			if st, err := h.s.Replace(ctx, Image{Generation: 2}); err != nil || st.PID != 2 || ctx.Err() == nil {
				h.Errorf("Replace: %+v, %v", st, err)
			}
			h.at(2 * time.Minute)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a",
			"250ms drain 1", "5.25s exit 1 exit status 0", "1m0s exit 2 exit status 1", "1m0s front on", "1m0s start 3 generation 2 ", "1m0s front off",
			"2m0s drain 3, the last", "2m0s exit 3 exit status 0",
		},
		events: []string{
			"250ms alone: two processes cannot both listen on 127.0.0.1:40000",
			"1m0s exited generation 2 exit status 1, next in 0s", "1m0s restarted generation 2",
		},
	}, {
		name:       "and that serves until the old one is gone, which may forward to it",
		behaviours: []behaviour{{keeps: "a", holds: []resource{{tcpPort, "127.0.0.1:40000", false}}, drains: time.Second}, {keeps: "b", says: "listen tcp :40000: bind: address already in use"}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a",
			"250ms drain 1", "1.25s exit 1 exit status 0", "1.25s state of 2", "1.25s drain 2", "1.25s exit 2 exit status 0",
			"1.25s start 3 generation 2 ", "1.25s restore 3 ab", "1.25s drain 3, the last", "1.25s exit 3 exit status 0",
		},
		events: []string{"250ms alone: two processes cannot both listen on 127.0.0.1:40000"},
	}, {
		name:       "and that dies while the old one ends: who asked gets what was asked for",
		behaviours: []behaviour{{keeps: "a", holds: []resource{{tcpPort, "127.0.0.1:40000", false}}, drains: 2 * time.Second}, {says: "listen tcp :40000: bind: address already in use", dies: time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
			if st, err := h.s.Status(h.Context()); err != nil || st.PID != 3 || st.Generation != 2 {
				h.Errorf("Status: %+v, %v", st, err)
			}
			h.at(time.Minute)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a",
			"250ms drain 1", "1s exit 2 exit status 1", "1s front on", "2.25s exit 1 exit status 0",
			"2.25s start 3 generation 2 ", "2.25s front off", "1m0s drain 3, the last", "1m0s exit 3 exit status 0",
		},
		events: []string{"250ms alone: two processes cannot both listen on 127.0.0.1:40000", "1s exited generation 2 exit status 1"},
	}, {
		name:       "and the end comes while the old one ends",
		behaviours: []behaviour{{keeps: "a", holds: []resource{{tcpPort, "127.0.0.1:40000", false}}, drains: 5 * time.Second}, {says: "listen tcp :40000: bind: address already in use"}},
		do: func(h *supervised) {
			h.mustReplace(1)
			replaced := make(chan error)
			go func() { replaced <- h.replace(2) }()
			h.at(time.Second)
			h.stop()
			h.fails(<-replaced, ErrStopped, "has ended")
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a",
			"250ms drain 1", "1s drain 2, the last", "1s exit 2 exit status 0", "5.25s exit 1 exit status 0",
		},
		events: []string{"250ms alone: two processes cannot both listen on 127.0.0.1:40000"},
	}, {
		name:       "without overlap because of that, and the new one fails alone: what served before has its state again",
		behaviours: []behaviour{{keeps: "a", holds: []resource{{tcpPort, "127.0.0.1:40000", false}}}, {keeps: "b", says: "listen tcp :40000: bind: address already in use"}, {silent: true, dies: time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.fails(h.replace(2), nil, "exit status 1")
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ", "0s state of 1", "0s restore 2 a",
			"250ms drain 1", "250ms exit 1 exit status 0", "250ms state of 2", "250ms drain 2", "250ms exit 2 exit status 0",
			"250ms start 3 generation 2 ", "1.25s exit 3 exit status 1", "1.25s start 4 generation 1 ", "1.25s restore 4 ab",
			"1.25s drain 4, the last", "1.25s exit 4 exit status 0",
		},
		events: []string{"250ms alone: two processes cannot both listen on 127.0.0.1:40000"},
	}, {
		name:       "without overlap",
		behaviours: []behaviour{{keeps: "a", holds: []resource{port}}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s state of 1", "0s drain 1", "0s exit 1 exit status 0",
			"0s start 2 generation 2 ", "0s restore 2 a", "0s drain 2, the last", "0s exit 2 exit status 0",
		},
		events: []string{"0s alone: two processes cannot both listen on 127.0.0.1:6062"},
	}, {
		name:       "without overlap, and the new one fails: what served before has its state again",
		behaviours: []behaviour{{keeps: "a", holds: []resource{port}}, {silent: true, dies: time.Second}, {keeps: "b"}},
		do: func(h *supervised) {
			h.mustReplace(1)
			err := h.replace(2)
			h.fails(err, nil, "exit status 1")
			if start, ok := errors.AsType[*StartError](err); !ok || !start.Displaced {
				h.Errorf("%#v", err)
			}
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s state of 1", "0s drain 1", "0s exit 1 exit status 0",
			"0s start 2 generation 2 ", "1s exit 2 exit status 1", "1s start 3 generation 1 ", "1s restore 3 a",
			"1s drain 3, the last", "1s exit 3 exit status 0",
		},
		events: []string{"0s alone: two processes cannot both listen on 127.0.0.1:6062"},
	}, {
		name:       "without overlap, and another restart takes over",
		behaviours: []behaviour{{keeps: "a", holds: []resource{port}}, {ready: forever}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			first := make(chan error, 1)
			go func() { first <- h.replace(2) }()
			h.at(500 * time.Millisecond)
			h.mustReplace(3)
			h.fails(<-first, ErrSuperseded, "")
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s state of 1", "0s drain 1", "0s exit 1 exit status 0",
			"0s start 2 generation 2 ", "500ms drain 2", "500ms exit 2 exit status 0", "500ms start 3 generation 3 ", "500ms restore 3 a",
			"500ms drain 3, the last", "500ms exit 3 exit status 0",
		},
		events: []string{"0s alone: two processes cannot both listen on 127.0.0.1:6062"},
	}, {
		name:       "without overlap, and another restart takes over that fails: what served before has its state again",
		behaviours: []behaviour{{keeps: "a", holds: []resource{port}}, {ready: forever}, {silent: true, dies: time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			first := make(chan error, 1)
			go func() { first <- h.replace(2) }()
			h.at(500 * time.Millisecond)
			h.fails(h.replace(3), nil, "exit status 1")
			h.fails(<-first, ErrSuperseded, "")
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s state of 1", "0s drain 1", "0s exit 1 exit status 0",
			"0s start 2 generation 2 ", "500ms drain 2", "500ms exit 2 exit status 0", "500ms start 3 generation 3 ", "1.5s exit 3 exit status 1",
			"1.5s start 4 generation 1 ", "1.5s restore 4 a", "1.5s drain 4, the last", "1.5s exit 4 exit status 0",
		},
		events: []string{"0s alone: two processes cannot both listen on 127.0.0.1:6062"},
	}, {
		name:       "without overlap, and one restart after another is called off: the last one has the state",
		behaviours: []behaviour{{keeps: "a", holds: []resource{port}}, {ready: forever}, {ready: forever}, {ready: forever}, {ready: forever}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			for generation := range 2 { // the second comes while what served before is started again
				ctx, cancel := context.WithTimeout(h.Context(), time.Second)
				_, err := h.s.Replace(ctx, Image{Generation: 2 + generation})
				h.fails(err, context.DeadlineExceeded, "")
				cancel()
			}
			h.mustReplace(4)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s state of 1", "0s drain 1", "0s exit 1 exit status 0",
			"0s start 2 generation 2 ", "1s drain 2", "1s exit 2 exit status 0", "1s start 3 generation 1 ",
			"1s drain 3", "1s exit 3 exit status 0", "1s start 4 generation 3 ", "2s drain 4", "2s exit 4 exit status 0", "2s start 5 generation 1 ",
			"2s drain 5", "2s exit 5 exit status 0", "2s start 6 generation 4 ", "2s restore 6 a", "2s drain 6, the last", "2s exit 6 exit status 0",
		},
		events: []string{"0s alone: two processes cannot both listen on 127.0.0.1:6062"},
	}} {
		t.Run(test.name, func(t *testing.T) {
			lines, events := supervise(t, test.behaviours, test.do)
			checkLines(t, lines, test.lines, true)
			checkLines(t, withoutLive(events), test.events, true)
		})
	}
}

// TestWhoEndsFirstIsTold: a process forwards requests to the next one only where
// that runs already.
func TestWhoEndsFirstIsTold(t *testing.T) {
	port := resource{tcpPort, "127.0.0.1:6062", true}
	supervise(t, []behaviour{{keeps: "a"}, {keeps: "b", holds: []resource{port}}, {}}, func(h *supervised) {
		for generation := range 3 {
			h.mustReplace(1 + generation)
		}
		for i, alone := range []bool{false, true} {
			p := h.running[i]
			if p.asked.Alone != alone || p.drained.Alone != alone || !p.drained.Successor {
				t.Errorf("process %d: asked %+v, drained %+v; ends first: %v", i+1, p.asked, p.drained, alone)
			}
		}
	})
}

func withoutLive(events []string) (others []string) {
	for _, e := range events {
		if !strings.Contains(e, " live: ") {
			others = append(others, e)
		}
	}
	return others
}
