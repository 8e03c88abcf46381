package lspserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// decide is the policy of the engine: what was remembered about each code, else
// the setting. The most careful one wins.
func (f *session) decide(reasons []manifest.Diagnostic) engine.BreakPolicy {
	setting := f.getSettings().OnBreak
	if len(reasons) == 0 {
		return policy(setting)
	}
	said := map[string]bool{}
	for _, d := range reasons {
		said[f.memory.Of(d.Code, setting)] = true
	}
	for _, d := range []string{view.BreakKeep, view.BreakAsk} {
		if said[d] {
			return policy(d)
		}
	}
	if said[view.BreakSwap] && !said[view.BreakRestart] {
		return engine.BreakSwap
	}
	return engine.BreakRestart
}

func policy(d string) engine.BreakPolicy {
	if d == view.BreakRestart {
		return engine.BreakRestart
	}
	return engine.BreakPolicy(d)
}

// What the user can answer.
const (
	answerRestart = "Restart"
	answerAlways  = "Always restart"
	answerKeep    = "Keep old"
)

// askUser asks what to do about a change that needs a restart. The question
// stands until it is withdrawn.
func (f *session) askUser(ev control.Event) {
	ctx, withdraw := context.WithCancel(f.ctx)
	f.mu.Lock()
	f.withdraw = withdraw
	f.mu.Unlock()
	codes := restartCodes(ev.Diagnostics)
	f.s.sessions.Go(func() {
		defer withdraw()
		var answer *protocol.MessageActionItem
		err := f.s.conn.Call(ctx, protocol.MethodWindowShowMessageRequest, &protocol.ShowMessageRequestParams{
			Type: protocol.MessageTypeWarning, Message: visible.Text(f.question(ev)),
			Actions: []protocol.MessageActionItem{{Title: answerRestart}, {Title: answerAlways}, {Title: answerKeep}},
		}, &answer)
		if err != nil || answer == nil || ctx.Err() != nil {
			return
		}
		switch answer.Title {
		case answerAlways:
			if err := f.memory.Set(codes, view.BreakRestart); err != nil {
				f.s.showf(protocol.MessageTypeError, "%v", err)
			}
			f.hurry()
		case answerRestart:
		default:
			return
		}
		if l, err := f.getLink(); err == nil {
			_, _ = l.Restart(f.ctx, false) // its event says how it went
		}
	})
}

// restartCodes returns the codes that call for a restart, sorted.
func restartCodes(ds []manifest.Diagnostic) []manifest.Code {
	var out []manifest.Code
	for _, d := range ds {
		if d.Code.Rung() == manifest.RungWarmRestart {
			out = append(out, d.Code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// question says what a restart is needed for.
func (f *session) question(ev control.Event) string {
	var reasons []string
	for _, d := range ev.Diagnostics {
		if d.Code.Rung() == manifest.RungWarmRestart {
			reasons = append(reasons, d.Message)
		}
	}
	if len(reasons) > 3 {
		reasons = append(reasons[:3], fmt.Sprintf("and %d more", len(reasons)-3))
	}
	if len(reasons) == 0 {
		return ev.Message
	}
	whose := ""
	if len(f.s.allSessions()) > 1 {
		whose = " of " + f.s.nameOf(f)
	}
	return "Restart the live server" + whose + "? " + upperFirst(strings.Join(reasons, "; ")) + "."
}

// rememberCommand is anvil.remember.
func rememberCommand(_ context.Context, _ *Server, f *session, arg feature.CommandArgument) (any, error) {
	if !strings.HasPrefix(string(arg.Code), "ANV") || !view.ValidDecision(arg.Code, arg.Decision) {
		return nil, feature.Invalid("anvil.remember wants a code and a decision: restart, keep or ask, or for ANV001 swap")
	}
	if !f.trusted.Load() {
		return nil, feature.Failed(errors.New("the workspace is not trusted: nothing is decided about it"))
	}
	if err := f.memory.Set([]manifest.Code{arg.Code}, arg.Decision); err != nil {
		return nil, err
	}
	f.hurry() // a save may do something else now
	if title, ok := feature.PolicyTitle(arg.Code, arg.Decision); ok {
		f.s.showf(protocol.MessageTypeInfo, "anvil: %s, from now on. The source actions of such a finding take it back.",
			title)
	}
	return nil, nil
}
