package hotreload

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLive: what main starts when the handlers are there is called once, when
// requests are answered, and is over before the Container is closed.
func TestLive(t *testing.T) {
	c := NewContainer()
	var did []string
	c.OnClose("pool", func(context.Context) error { did = append(did, "closed"); return nil })
	live := make(chan struct{})
	url, stop := liveServer(t, Options{
		Container: c, Register: func(r *RouteSink) {
			did = append(did, "registered")
			r.Get("/", text("ok"))
		},
		Live: func(ctx context.Context) {
			did = append(did, "live")
			close(live)
			<-ctx.Done()
			did = append(did, "ended")
		},
	})
	if got := get(t, url); got != "200 ok" {
		t.Errorf("got %q", got)
	}
	<-live
	if err := stop(); err != nil {
		t.Error(err)
	}
	if got := strings.Join(did, " "); got != "registered live ended closed" {
		t.Errorf("it did %q", got)
	}
}

// TestLiveIsNotCalled: where nothing goes live.
func TestLiveIsNotCalled(t *testing.T) {
	for name, o := range map[string]Options{
		"registration": {Addr: "127.0.0.1:0", Register: func(r *RouteSink) { r.Get("no slash", nil) }},
		"address":      {Addr: "no address", Register: secured},
	} {
		o.Live = func(context.Context) { t.Errorf("%s: it is called", name) }
		o.Logger = textLogger(t.Output())
		if err := LiveServer(t.Context(), o); err == nil {
			t.Errorf("%s: it serves", name)
		}
	}
}

// TestLiveThatGoesOn: it is waited for, but not for ever.
func TestLiveThatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLiveHook(t.Context(), func(ctx context.Context) {
			<-ctx.Done()
			time.Sleep(time.Minute)
		})
		s.begin()
		s.begin()
		begun := time.Now()
		if err := s.end(time.Second); err == nil || !strings.Contains(err.Error(), "Options.Live was still running 1s after") || time.Since(begun) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(begun))
		}
		if err := s.end(time.Hour); err != nil || time.Since(begun) != time.Minute {
			t.Errorf("got %v after %v", err, time.Since(begun))
		}
		never := newLiveHook(t.Context(), func(context.Context) { t.Error("called after the end") })
		if err := never.end(time.Second); err != nil {
			t.Error(err)
		}
		never.begin()
		synctest.Wait()
	})
}
