package launch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const bindFailed = "listen tcp 127.0.0.1:6062: bind: address already in use\n"

func TestRestartWithoutOverlap(t *testing.T) {
	port := resource{tcpPort, "127.0.0.1:6062", true}
	chosen := resource{tcpPort, "127.0.0.1:40000", false}
	lock := resource{fileLock, "app.db", false}
	slow := behaviour{holds: []resource{port}, ready: 100 * time.Millisecond, drains: time.Second}
	for _, test := range []struct {
		name       string
		blind      bool
		behaviours []behaviour
		do         func(h *supervised)
		lines      []string
		unordered  bool
		events     []string
	}{{
		name:       "a port that a program has chosen: the old one ends first, at once and ever after",
		behaviours: []behaviour{slow},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(time.Minute)
			h.mustReplace(2)
			h.at(2 * time.Minute)
			h.mustReplace(3)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "110ms front off",
			"1m0s drain 1", "1m1s exit 1 exit status 0", "1m1s start 2 generation 2 ",
			"2m0s drain 2", "2m1s exit 2 exit status 0", "2m1s start 3 generation 3 ",
			"2m1.11s drain 3, the last", "2m2.11s exit 3 exit status 0",
		},
		events: []string{"1m0s alone: two processes cannot both listen on 127.0.0.1:6062"},
	}, {
		name:       "the new one fails: what served before is started again, and who asked learns it then",
		behaviours: []behaviour{slow, {dies: time.Millisecond, ready: forever}, slow},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(time.Minute)
			err := h.replace(2)
			h.fails(err, nil, "exit status 1")
			if start, ok := errors.AsType[*StartError](err); !ok || !start.Displaced {
				h.Errorf("%#v: it is not said that the process before was ended", err)
			}
			if st, err := h.s.Status(h.Context()); err != nil || st.PID != 3 || st.Generation != 1 {
				h.Errorf("Status: %+v, %v", st, err)
			}
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "110ms front off",
			"1m0s drain 1", "1m1s exit 1 exit status 0", "1m1s start 2 generation 2 ", "1m1.001s exit 2 exit status 1",
			"1m1.001s start 3 generation 1 ", "1m1.111s drain 3, the last", "1m2.111s exit 3 exit status 0",
		},
		events: []string{"1m0s alone: two processes cannot both listen on 127.0.0.1:6062"},
	}, {
		name:       "neither starts any more: the front answers",
		behaviours: []behaviour{{holds: []resource{port}}, {silent: true, dies: time.Second}, {silent: true, dies: time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.fails(h.replace(2), nil, "exit status 1")
			h.at(time.Minute)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s drain 1", "0s exit 1 exit status 0",
			"0s start 2 generation 2 ", "1s exit 2 exit status 1", "1s start 3 generation 1 ", "2s exit 3 exit status 1", "2s front on",
			"2s start 4 generation 1 ", "2s front off", "1m0s drain 4, the last", "1m0s exit 4 exit status 0",
		},
		events: []string{
			"0s alone: two processes cannot both listen on 127.0.0.1:6062",
			"2s not restarted generation 1 exit status 1, next in 0s", "2s restarted generation 1",
		},
	}, {
		name:       "the new one dies for want of a port that the old one has",
		behaviours: []behaviour{{holds: []resource{chosen}}, {silent: true, dies: time.Millisecond, says: "metrics: listen tcp 127.0.0.1:40000: bind: address already in use"}, {holds: []resource{chosen}}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
			h.mustReplace(3)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off",
			"0s start 2 generation 2 ", "1ms exit 2 exit status 1", "1ms drain 1", "1ms exit 1 exit status 0",
			"1ms start 3 generation 2 ", "1ms drain 3", "1ms exit 3 exit status 0", "1ms start 4 generation 3 ", "1ms drain 4, the last", "1ms exit 4 exit status 0",
		},
		events: []string{"1ms alone: two processes cannot both listen on 127.0.0.1:40000"},
	}, {
		name:       "the new one is ready, and then dies of it",
		behaviours: []behaviour{{holds: []resource{chosen}, drains: 2 * time.Second}, {dies: time.Second, lastSays: "listen tcp :40000: bind: address already in use"}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
			h.at(time.Minute)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ",
			"250ms drain 1", "1s exit 2 exit status 1", "2.25s exit 1 exit status 0", "2.25s start 3 generation 2 ",
			"1m0s drain 3, the last", "1m0s exit 3 exit status 0",
		},
		events: []string{"1s alone: two processes cannot both listen on 127.0.0.1:40000", "2.25s restarted generation 2"},
	}, {
		name:       "the new one goes on without its port",
		behaviours: []behaviour{{holds: []resource{chosen}}, {says: "pprof: listen tcp 127.0.0.1:40000: bind: address already in use"}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
			if st, err := h.s.Status(h.Context()); err != nil || st.PID != 3 {
				h.Errorf("Status: %+v, %v", st, err)
			}
		},
		events: []string{"250ms alone: two processes cannot both listen on 127.0.0.1:40000"},
	}, {
		name:       "somebody else has the port",
		behaviours: []behaviour{{}, {silent: true, dies: time.Millisecond, says: bindFailed}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.fails(h.replace(2), nil, "127.0.0.1:6062 is taken by process 77 (node)")
			if st, err := h.s.Status(h.Context()); err != nil || st.PID != 1 {
				h.Errorf("Status: %+v, %v", st, err)
			}
		},
	}, {
		name:       "somebody else has the port of one that follows no other, and notices late",
		behaviours: []behaviour{{dies: time.Second, lastSays: bindFailed}, {dies: time.Second, lastSays: bindFailed}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(time.Minute)
		},
		events: []string{
			"1s exited generation 1 exit status 1, next in 0s", "1s restarted generation 1",
			"2s exited generation 1 exit status 1, next in 250ms", "2.25s restarted generation 1",
		},
	}, {
		name:       "a lock that the old one has",
		unordered:  true,
		behaviours: []behaviour{{holds: []resource{lock}, drains: time.Second}, {silent: true, waitsFor: wait{lock: lock, asking: true}}, {holds: []resource{lock}}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
			h.mustReplace(3)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s start 2 generation 2 ",
			"200ms term 2", "200ms exit 2 signal: terminated", "200ms drain 1", "1.2s exit 1 exit status 0", "1.2s start 3 generation 2 ",
			"1.2s drain 3", "1.2s exit 3 exit status 0", "1.2s start 4 generation 3 ", "1.2s drain 4, the last", "1.2s exit 4 exit status 0",
		},
		events: []string{"200ms alone: two processes cannot both lock app.db"},
	}, {
		name:       "a lock that is asked for again and again",
		behaviours: []behaviour{{holds: []resource{lock}}, {silent: true, waitsFor: wait{lock: lock}}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
		},
		events: []string{"1.2s alone: two processes cannot both lock app.db"},
	}, {
		name:       "a lock that a stranger has",
		behaviours: []behaviour{{}, {silent: true, waitsFor: wait{lock: lock, asking: true, owner: "process 77 (node)"}}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.fails(h.replace(2), ErrNotReady, "within 30s: it waits for a lock on app.db, which process 77 (node) has locked (")
		},
	}, {
		name:       "a lock that makes the new one give up",
		behaviours: []behaviour{{holds: []resource{lock}}, {silent: true, dies: time.Millisecond, says: "Cannot acquire directory lock: another process is using this database"}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
		},
		events: []string{"1ms alone: two processes cannot both lock app.db"},
	}, {
		name:       "a mistake in main is no conflict",
		behaviours: []behaviour{{holds: []resource{chosen, lock}}, {silent: true, dies: time.Millisecond, says: "no such table: posts"}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.fails(h.replace(2), nil, "exit status 1")
			if st, err := h.s.Status(h.Context()); err != nil || st.PID != 1 {
				h.Errorf("Status: %+v, %v", st, err)
			}
		},
	}, {
		name:       "where the system does not tell, the text decides",
		blind:      true,
		behaviours: []behaviour{{}, {silent: true, dies: time.Millisecond, says: bindFailed}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
			h.mustReplace(3)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off",
			"0s start 2 generation 2 ", "1ms exit 2 exit status 1", "1ms drain 1", "1ms exit 1 exit status 0",
			"1ms start 3 generation 2 ", "1ms drain 3", "1ms exit 3 exit status 0", "1ms start 4 generation 3 ", "1ms drain 4, the last", "1ms exit 4 exit status 0",
		},
		events: []string{"1ms alone: two processes cannot both listen on 127.0.0.1:6062"},
	}, {
		name:       "what the old one has started must end, too",
		behaviours: []behaviour{{holds: []resource{port}, leaves: 2 * time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s drain 1", "0s exit 1 exit status 0",
			"2s start 2 generation 2 ", "2s drain 2, the last", "2s exit 2 exit status 0",
		},
		events: []string{"0s alone: two processes cannot both listen on 127.0.0.1:6062"},
	}, {
		name:       "after a crash as well",
		behaviours: []behaviour{{dies: time.Minute, leaves: time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.at(2 * time.Minute)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "1m0s exit 1 exit status 1", "1m0s front on",
			"1m1s start 2 generation 1 ", "1m1s front off", "2m0s drain 2, the last", "2m0s exit 2 exit status 0",
		},
		events: []string{"1m0s exited generation 1 exit status 1, next in 0s", "1m1s restarted generation 1"},
	}, {
		name:       "requests wait for three seconds, then the front answers",
		behaviours: []behaviour{{holds: []resource{port}, drains: 5 * time.Second}, {}},
		do: func(h *supervised) {
			h.mustReplace(1)
			h.mustReplace(2)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "0s front off", "0s drain 1", "3s front on", "5s exit 1 exit status 0",
			"5s start 2 generation 2 ", "5s front off", "5s drain 2, the last", "5s exit 2 exit status 0",
		},
		events: []string{"0s alone: two processes cannot both listen on 127.0.0.1:6062"},
	}, {
		name:       "called off while the old one ends",
		behaviours: []behaviour{slow},
		do: func(h *supervised) {
			h.mustReplace(1)
			ctx, cancel := context.WithTimeout(h.Context(), 500*time.Millisecond)
			defer cancel()
			_, err := h.s.Replace(ctx, Image{Generation: 2})
			h.fails(err, context.DeadlineExceeded, "deadline")
			h.mustReplace(3)
		},
		lines: []string{
			"0s front on", "0s start 1 generation 1 ", "110ms front off", "110ms drain 1", "1.11s exit 1 exit status 0",
			"1.11s start 2 generation 3 ", "1.22s drain 2, the last", "2.22s exit 2 exit status 0",
		},
		events: []string{"110ms alone: two processes cannot both listen on 127.0.0.1:6062"},
	}, {
		name:       "called off for good while the old one ends",
		behaviours: []behaviour{slow},
		do: func(h *supervised) {
			h.mustReplace(1)
			ctx, cancel := context.WithTimeout(h.Context(), 500*time.Millisecond)
			defer cancel()
			_, err := h.s.Replace(ctx, Image{Generation: 2})
			h.fails(err, context.DeadlineExceeded, "deadline")
			h.at(time.Minute)
			if st, err := h.s.Status(h.Context()); err != nil || st.Generation != 1 {
				h.Errorf("Status: %+v, %v", st, err)
			}
		},
		events: []string{"110ms alone: two processes cannot both listen on 127.0.0.1:6062"},
	}, {
		name:       "shutdown while the old one ends",
		behaviours: []behaviour{slow},
		do: func(h *supervised) {
			h.mustReplace(1)
			replaced := make(chan error)
			go func() { replaced <- h.replace(2) }()
			synctest.Wait()
			h.stop()
			h.fails(<-replaced, ErrStopped, "has ended")
		},
		events: []string{"110ms alone: two processes cannot both listen on 127.0.0.1:6062"},
	}} {
		t.Run(test.name, func(t *testing.T) {
			lines, events := supervise(t, test.behaviours, func(h *supervised) {
				h.blind = test.blind
				test.do(h)
			})
			checkLines(t, lines, test.lines, test.unordered)
			events = slices.DeleteFunc(events, func(e string) bool { return strings.Contains(e, " live: ") })
			if !slices.Equal(events, test.events) {
				t.Errorf("events:\n\t%s\nwant:\n\t%s", strings.Join(events, "\n\t"), strings.Join(test.events, "\n\t"))
			}
		})
	}
}

func TestWhatAProcessMissed(t *testing.T) {
	dir := t.TempDir()
	const pid = 4711
	for name, content := range map[string]string{"ours.pid": strconv.Itoa(pid) + "\n", "theirs.pid": "12\n", "huge.pid": strings.Repeat(" ", 4096) + strconv.Itoa(pid)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := holdings{known: true, pid: pid, dir: dir, list: []resource{
		{tcpPort, "127.0.0.1:6062", true}, {tcpPort, "[::]:50051", false}, {udpPort, "0.0.0.0:5353", false},
		{unixSocket, "run/app.sock", true}, {fileLock, "data/LOCK", true},
	}}
	for output, want := range map[string]string{
		"listen tcp 127.0.0.1:6062: bind: address already in use":                              "listen on 127.0.0.1:6062",
		"x\n2026 metrics: listen tcp :6062: bind: address already in use\nexit status 1\n":     "listen on 127.0.0.1:6062",
		`{"err":"listen tcp4 0.0.0.0:50051: bind: address already in use"}`:                    "listen on [::]:50051",
		"listen udp :5353: bind: address already in use":                                       "listen on 0.0.0.0:5353 (UDP)",
		"listen unix " + filepath.Join(dir, "run/app.sock") + ": bind: address already in use": "listen on run/app.sock",
		"listen unix run/app.sock: bind: address already in use":                               "listen on run/app.sock",
		"OSError: [Errno 98] Address already in use":                                           "listen on 127.0.0.1:6062",
		"Error: listen EADDRINUSE: address already in use :::6062":                             "listen on 127.0.0.1:6062",
		"listen tcp 127.0.0.1:6063: bind: address already in use":                              "",
		"listen udp 127.0.0.1:6062: bind: address already in use":                              "",
		"open ours.pid: file exists":                                                           "have made ours.pid",
		"open " + filepath.Join(dir, "ours.pid") + ": file exists":                             "have made ours.pid",
		"open theirs.pid: file exists":                                                         "",
		"open huge.pid: file exists":                                                           "",
		"open missing.pid: file exists":                                                        "",
		"database is locked (5) (SQLITE_BUSY)":                                                 "lock data/LOCK",
		"open store: resource temporarily unavailable":                                         "lock data/LOCK",
		"bolt: timeout":         "lock data/LOCK",
		"cannot open LOCK":      "lock data/LOCK",
		"cannot use data: busy": "lock data/LOCK",
		"no such table: posts":  "",
		"":                      "",
	} {
		got := ""
		if r, ok := h.missed(output); ok {
			got = r.conflict()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", output, got, want)
		}
	}
}
