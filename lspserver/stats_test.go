package lspserver

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/enginelink"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
)

// fakeLink answers the question for the status when it is let.
type fakeLink struct {
	enginelink.Link
	asked  int
	answer chan answered
}

type answered struct {
	live *control.LiveStatus
	err  error
}

func (l *fakeLink) PauseSaves(bool) {}

func (l *fakeLink) Status(ctx context.Context) (control.Status, error) {
	l.asked++
	select {
	case a := <-l.answer:
		return control.Status{Live: a.live}, a.err
	case <-ctx.Done():
		return control.Status{}, ctx.Err()
	}
}

// say answers one question, and waits until it was taken.
func (l *fakeLink) say(stats ...control.RouteStats) {
	l.answer <- answered{live: &control.LiveStatus{Stats: stats}}
	synctest.Wait()
}

func TestCounting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := New(Options{})
		s.makeContexts(ctx)
		f := newSession(s, ctx, cancel, t.TempDir(), "", nil)
		defer s.sessions.Wait()
		defer cancel()
		l := &fakeLink{answer: make(chan answered)}
		home := func(n int64) control.RouteStats {
			return control.RouteStats{Method: "GET", Pattern: "/", Requests: n, P50: control.Duration(1812 * time.Microsecond)}
		}
		post := func(n int64) control.RouteStats {
			return control.RouteStats{Method: "GET", Pattern: "/posts/{id}", Requests: n}
		}
		event := func(kind control.EventKind, stats ...control.RouteStats) {
			t.Helper()
			time.Sleep(time.Millisecond) // events have different times
			f.receive(control.Event{Time: time.Now(), Kind: kind, Generation: 1, Stats: stats})
			synctest.Wait()
		}
		want := func(why string, homes, posts int64, asked int) {
			t.Helper()
			for pattern, want := range map[string]int64{"/": homes, "/posts/{id}": posts} {
				got := int64(-1)
				if s := feature.StatsOf(f.view(), manifest.RouteKey{Method: "GET", Pattern: pattern}); s != nil {
					got = s.Requests
				}
				if got != want {
					t.Errorf("%s: %d requests of %s, want %d", why, got, pattern, want)
				}
			}
			if l.asked != asked {
				t.Errorf("%s: asked %d times, want %d", why, l.asked, asked)
			}
		}
		f.connect(l, false, nil, control.Status{})
		want("nothing is live", -1, -1, 0)
		event(control.EventLive)
		want("just live", -1, -1, 1)
		l.say(home(3), post(5))
		want("asked", 3, 5, 1)
		event(control.EventRequests, home(4))
		want("an event", 4, 5, 1)
		if got := feature.StatsOf(f.view(), manifest.RouteKey{Method: "GET", Pattern: "/"}).P50MS; got != 1.812 {
			t.Errorf("p50 is %v ms", got)
		}
		// An event while the question is out is newer than its answer.
		event(control.EventRecovered)
		event(control.EventRequests, home(1))
		event(control.EventLive) // asked once more, afterwards
		l.say(home(0), post(0))
		want("a restart", 1, 0, 3)
		l.say(home(1)) // the other route is gone
		want("a removed route", 1, -1, 3)
		event(control.EventRolledBack)
		l.answer <- answered{err: errors.New("gone")}
		synctest.Wait()
		want("no answer", 1, -1, 4)
		time.Sleep(time.Hour)
		synctest.Wait()
		want("idle", 1, -1, 4)
		f.disconnect()
		want("disconnected", -1, -1, 4)
	})
}
