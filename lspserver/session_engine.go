package lspserver

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/enginelink"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// serve has an engine, its own or another's, until it ends. The error says why
// there is none.
func (f *session) serve() error {
	settings := f.getSettings()
	o := settings.Engine(f.dir)
	o.Cwd = f.workDir(settings.Cwd)
	o.Version = f.s.opts.Version
	o.Log = f.output
	o.Decide, o.OnPredictable = f.decide, f.hurry
	f.set(func() { f.state, f.message, f.failed = view.StateStarting, "", false })
	f.s.awaitEnding(f.ctx)
	e, err := engine.New(f.ctx, o)
	switch {
	case errors.Is(err, engine.ErrInUse):
		return f.attach()
	case err != nil:
		return err
	}
	ctx, stop := context.WithCancel(f.ctx)
	defer stop()
	events := e.Events()
	first := events.Subscribe(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	l := enginelink.Own{Engine: e}
	f.connect(l, false, e.Predictor(), control.Status{Dir: f.dir, URL: e.URL(), State: control.StateBuilding,
		PID: os.Getpid()})
	go func() { ended <- e.Run(ctx) }()
	f.follow(l, first, func() <-chan control.Event {
		if ctx.Err() != nil {
			return nil
		}
		return events.Subscribe(context.WithoutCancel(ctx))
	}, func() bool {
		return !f.wanted() || !settings.SameEngine(f.getSettings())
	}, stop)
	stop()
	err = <-ended
	f.disconnect()
	if err == nil { // else two that fail would have each other try without end
		f.s.retry()
	}
	return err
}

// attach follows the engine of another process.
func (f *session) attach() error {
	client := transport.NewClient(engine.SocketPath(f.dir))
	defer client.Close()
	ctx, stop := context.WithCancel(f.ctx)
	defer stop()
	l := enginelink.NewRemote(ctx, client)
	status, err := l.Status(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", enginelink.ErrSilent, err)
	}
	f.connect(l, true, nil, status)
	f.alone()
	subscribe := func() <-chan control.Event {
		events := make(chan control.Event)
		go func() {
			defer close(events)
			for ev, err := range transport.Events[control.Event](ctx, client, control.PathEvents) {
				if err != nil {
					return
				}
				select {
				case events <- ev:
				case <-ctx.Done():
					return
				}
			}
		}()
		return events
	}
	f.follow(l, subscribe(), func() <-chan control.Event {
		// Cut off, or the other is gone.
		if _, err := l.Status(ctx); err != nil {
			return nil
		}
		return subscribe()
	}, func() bool { return !f.wanted() }, stop)
	f.disconnect()
	return nil
}

// connect begins the time with an engine.
func (f *session) connect(l enginelink.Link, attached bool, o *engine.Predictor, status control.Status) {
	f.set(func() {
		f.link, f.attached, f.status, f.message, f.failure = l, attached, status, "", ""
		f.held.arrived(len(status.Held) > 0)
		f.remember(nil)
		if o != nil {
			f.predictor, f.own, f.prediction = o, false, nil
		}
		if m, err := engine.LastManifest(f.dir); attached && err == nil {
			f.live = m
		}
		f.stale.all = attached // an own predictor may have been made before that went live
	})
	if attached {
		f.recount(l)
	}
	f.holdAsWanted(l)
	f.hurry()
}

// disconnect ends it.
func (f *session) disconnect() {
	f.progress.abandon()
	f.set(func() {
		f.link, f.attached, f.status, f.live, f.state = nil, false, control.Status{}, nil, view.StateStarting
		f.bases, f.counting.now, f.counting.since = nil, nil, nil
		if f.withdraw != nil {
			f.withdraw()
		}
	})
	f.hurry()
}

// follow takes events until the engine ends. again subscribes once more after
// the stream was cut off, and returns nil if there is no use. unwanted is asked
// whenever something changed; stop ends the engine, or the connection.
func (f *session) follow(l enginelink.Link, events <-chan control.Event, again func() <-chan control.Event,
	unwanted func() bool, stop func()) {
	stopping := false
	for events != nil {
		select {
		case ev, ok := <-events:
			if !ok {
				if events = again(); events != nil {
					if status, err := l.Status(f.ctx); err == nil {
						f.set(func() {
							f.status, f.bases = status, nil
							f.held.arrived(len(status.Held) > 0)
							f.remember(nil)
						})
						f.recount(l)
					}
				}
				continue
			}
			f.receive(ev)
			if ev.Kind == control.EventStopped {
				return
			}
		case <-f.poked:
			if unwanted() && !stopping {
				stopping = true
				stop()
				if f.isAttached() {
					return
				}
				continue
			}
			f.holdAsWanted(l)
			if f.isAttached() {
				f.alone() // the settings may be others
			}
			f.renew()
		case <-f.ctx.Done():
			if stop(); f.isAttached() || stopping {
				return
			}
			stopping = true
			// The last event of an own engine is still to come.
			for ev := range events {
				if f.receive(ev); ev.Kind == control.EventStopped {
					return
				}
			}
			return
		}
	}
}

func (f *session) isAttached() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attached
}

// otherPolicy returns what the engine of another process does about signatures that
// changed, if there is one: as it was told.
func (f *session) otherPolicy() (other bool, policy engine.BreakPolicy) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status.SwapsSignatures {
		return f.attached, engine.BreakSwap
	}
	return f.attached, engine.BreakRestart
}

// holdAsWanted has saves wait if the user or the settings want it.
func (f *session) holdAsWanted(l enginelink.Link) {
	f.mu.Lock()
	paused := f.paused
	f.mu.Unlock()
	l.PauseSaves(paused || f.getSettings().OnSave != view.SaveAlways)
}
