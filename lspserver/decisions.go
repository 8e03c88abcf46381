package lspserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// memory is what the user decided about breaks, for one application. It is kept
// in the user's configuration and not below .anvil: a checkout could bring it
// there, and decide in the user's name.
type memory struct {
	path string // empty: there is no place for it
	dir  string // of the application

	mu        sync.Mutex // guards decisions
	decisions map[manifest.Code]string
}

// decisionFile is what the file of a memory holds.
type decisionFile struct {
	Directory string                   `json:"directory"`
	Decisions map[manifest.Code]string `json:"decisions"`
}

// maxDecisions bounds that file, in bytes.
const maxDecisions = 1 << 20

// loadMemory returns what the user's configuration has of the application in a
// directory. No file of that is read.
func loadMemory(config, dir string) *memory {
	m := &memory{dir: dir, decisions: map[manifest.Code]string{}}
	if config == "" {
		return m
	}
	sum := sha256.Sum256([]byte(dir))
	m.path = filepath.Join(config, "decisions", hex.EncodeToString(sum[:16])+".json")
	if data, err := regular.Read(m.path, maxDecisions); err == nil {
		var d decisionFile
		if json.Unmarshal(data, &d) == nil && d.Directory == dir {
			maps.DeleteFunc(d.Decisions, func(c manifest.Code, v string) bool { return !view.ValidDecision(c, v) })
			maps.Copy(m.decisions, d.Decisions)
		}
	}
	return m
}

// of returns what was decided about a code, or otherwise. What cannot be swapped in
// is restarted for.
func (m *memory) of(c manifest.Code, otherwise string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.decisions[c]; ok {
		return d
	}
	if otherwise == view.BreakSwap && !view.ValidDecision(c, otherwise) {
		return view.BreakRestart
	}
	return otherwise
}

// set remembers decisions.
func (m *memory) set(codes []manifest.Code, d string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range codes {
		m.decisions[c] = d
	}
	if err := m.keep(); err != nil {
		return fmt.Errorf("remembering a decision: %w; it holds until the editor ends", err)
	}
	return nil
}

// keep writes what was decided; m.mu is held.
func (m *memory) keep() error {
	if m.path == "" {
		return errors.New("there is no directory for the user's configuration")
	}
	data, err := json.MarshalIndent(decisionFile{m.dir, m.decisions}, "", "\t")
	if err != nil {
		return err
	}
	return paths.Replace(m.path, append(data, '\n'))
}

// decide is the policy of the engine: what was remembered about each code, else
// the setting. The most careful one wins.
func (f *session) decide(reasons []manifest.Diagnostic) engine.BreakPolicy {
	setting := f.getSettings().OnBreak
	if len(reasons) == 0 {
		return policy(setting)
	}
	said := map[string]bool{}
	for _, d := range reasons {
		said[f.memory.of(d.Code, setting)] = true
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
			if err := f.memory.set(codes, view.BreakRestart); err != nil {
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
	if err := f.memory.set([]manifest.Code{arg.Code}, arg.Decision); err != nil {
		return nil, err
	}
	f.hurry() // a save may do something else now
	if title, ok := feature.PolicyTitle(arg.Code, arg.Decision); ok {
		f.s.showf(protocol.MessageTypeInfo, "anvil: %s, from now on. The source actions of such a finding take it back.", title)
	}
	return nil, nil
}
