package lspserver

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
)

// progress shows what becomes of a save, from the first event to the last. It
// sends nothing before the client has agreed to be shown something, so that
// nothing piles up for one that does not answer.
type progress struct {
	s   *Server
	ctx context.Context // of the session
	of  *session

	mu    sync.Mutex // guards what follows
	now   *save      // nil: nothing is going on
	asked bool       // the client has a token to agree to
}

// save is one save.
type save struct {
	token  string // of no other progress of the server
	title  string
	agreed bool   // the client knows the token
	doing  string // the newest message
	said   string // the message that was sent last
	over   bool
	result string // once it is over
}

// newProgress returns the progress of one session.
func newProgress(f *session) *progress { return &progress{s: f.s, ctx: f.ctx, of: f} }

// title says whose progress it is, if there are several applications.
func (p *progress) title() string {
	if len(p.s.allSessions()) < 2 {
		return "anvil"
	}
	return "anvil: " + p.s.nameOf(p.of)
}

// event takes an event of the engine.
func (p *progress) event(ev control.Event) {
	if !p.s.client.Progress {
		return
	}
	switch ev.Kind {
	case control.EventBuilding:
		p.begin("Checking")
	case control.EventPredicted:
		switch ev.Rung {
		case manifest.RungHotSwap, manifest.RungKeep:
			p.report("Building")
		}
	case control.EventRestarting:
		p.report("Restarting")
	case control.EventProgress:
		p.report(upperFirst(ev.Message))
	default:
		if final(ev.Kind) {
			p.end(summary(ev))
		}
	}
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// summary says in a few words how a save ended.
func summary(ev control.Event) string {
	took := " · " + ev.Total.String()
	switch ev.Kind {
	case control.EventLive:
		return fmt.Sprintf("gen %d live%s", ev.Generation, took)
	case control.EventKept:
		return fmt.Sprintf("kept gen %d: %s", ev.Generation, reason(ev))
	case control.EventAsking:
		return "needs a restart: " + reason(ev)
	case control.EventRolledBack:
		return fmt.Sprintf("back on gen %d", ev.Generation)
	case control.EventUnchanged:
		return "unchanged"
	}
	return string(ev.Kind)
}

// reason is the first thing that an event complains about.
func reason(ev control.Event) string {
	if len(ev.Diagnostics) == 0 {
		return ev.Message
	}
	d := ev.Diagnostics[0]
	if d.File != "" {
		return fmt.Sprintf("%s:%d %s", filepath.Base(d.File), d.Line, d.Message)
	}
	return d.Message
}

func (p *progress) begin(doing string) {
	title := p.title()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil {
		p.now.doing = visible.Line(doing)
		p.update()
		return
	}
	if p.asked { // it has not agreed to the last one
		return
	}
	now := &save{token: fmt.Sprintf("anvil-%d", p.s.tokens.Add(1)), title: title, doing: doing}
	p.now, p.asked = now, true
	p.s.sessions.Go(func() {
		ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
		defer cancel()
		err := p.s.conn.Call(ctx, protocol.MethodWindowWorkDoneProgressCreate,
			&protocol.WorkDoneProgressCreateParams{Token: protocol.String(now.token)}, nil)
		p.mu.Lock()
		defer p.mu.Unlock()
		if ctx.Err() == nil {
			p.asked = false
		}
		if err != nil {
			return
		}
		now.agreed, now.said = true, now.doing
		message := now.doing
		p.send(now.token, &protocol.WorkDoneProgressBegin{Kind: "begin", Title: now.title, Message: &message,
			Cancellable: new(false)})
		if now.over {
			p.finish(now)
		}
	})
}

func (p *progress) report(doing string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil {
		p.now.doing = doing
		p.update()
	}
}

// update sends the newest message; p.mu is held.
func (p *progress) update() {
	now := p.now
	if !now.agreed || now.said == now.doing {
		return
	}
	now.said = now.doing
	message := now.doing
	p.s.conn.NotifyLatest(protocol.MethodProgress, now.token+" report",
		p.params(now.token, &protocol.WorkDoneProgressReport{Kind: "report", Message: &message}))
}

func (p *progress) end(result string) {
	result = visible.Line(result)
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now; now != nil {
		now.over, now.result, p.now = true, result, nil
		if now.agreed {
			p.finish(now)
		}
	}
}

func (p *progress) finish(now *save) {
	end := &protocol.WorkDoneProgressEnd{Kind: "end"}
	if now.result != "" {
		end.Message = &now.result
	}
	p.send(now.token, end)
}

// abandon ends what is shown without a word.
func (p *progress) abandon() { p.end("") }

func (p *progress) params(token string, value any) *protocol.ProgressParams {
	return &protocol.ProgressParams{Token: protocol.String(token), Value: feature.JSON(value)}
}

// send sends a beginning or an end, each in its own place.
func (p *progress) send(token string, value any) {
	p.s.conn.NotifyLatest(protocol.MethodProgress, fmt.Sprintf("%s %T", token, value), p.params(token, value))
}
