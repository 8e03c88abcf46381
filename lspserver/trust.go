package lspserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/lspserver/trust"
)

// trusting is whose code may be built and run. Nothing of a directory is before
// somebody has said so: the client, for everything that it has open, or the user,
// who is asked once for each folder.
type trusting struct {
	store *trust.Store // nil: there is no place to keep answers

	mu       sync.Mutex              // guards what follows
	word     *bool                   // of the client; nil: it said nothing
	refused  bool                    // the settings say no
	answers  map[string]trust.Answer // by directory: those that could not be kept
	asked    map[string]bool         // directories that the user was asked about
	waiting  []string                // directories to ask about
	asking   bool                    // a question stands, or is about to
	withdraw context.CancelFunc      // takes the question back
}

func newTrusting() trusting {
	store, err := trust.User()
	if err != nil {
		store = nil
	}
	return trusting{store: store, answers: map[string]trust.Answer{}, asked: map[string]bool{}, withdraw: func() {}}
}

// wordOf returns what a client says about trust in an object of its; nil if it
// says nothing. Only true itself trusts: what is malformed, is written otherwise
// or contradicts itself does not.
func wordOf(object json.RawMessage) *bool {
	d := json.NewDecoder(bytes.NewReader(object))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil
	}
	var word *bool
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return new(false)
		}
		if name, _ := key.(string); !strings.EqualFold(name, "trusted") || name == "trusted" && string(value) == "null" {
			continue
		}
		yes := key == "trusted" && string(value) == "true" && (word == nil || *word)
		word = &yes
	}
	return word
}

// mayRun reports whether the code of a directory may be built and run.
func (s *Server) mayRun(dir string) bool { return s.answerFor(dir) == trust.Run }

func (s *Server) answerFor(dir string) trust.Answer {
	t := &s.trust
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.refused:
		return trust.Never
	case t.word != nil && *t.word:
		return trust.Run
	case t.word != nil:
		return trust.Never
	}
	var kept trust.Entry
	if t.store != nil {
		kept = t.store.Of(dir)
	}
	for at := dir; len(at) > len(kept.Directory); at = filepath.Dir(at) {
		if a, ok := t.answers[at]; ok {
			return a
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	return kept.Answer
}

// trustWord takes what the client says for the whole workspace; nil: nothing.
func (s *Server) trustWord(word *bool) {
	s.trust.mu.Lock()
	s.trust.word = word
	s.trust.withdraw()
	s.trust.mu.Unlock()
}

// trustSettings takes what the settings say. They can refuse, but not trust: some
// editors take them from files of the checkout.
func (s *Server) trustSettings(all []json.RawMessage) {
	refused, ignored := false, false
	for _, raw := range all {
		if word := wordOf(raw); word != nil {
			refused, ignored = refused || !*word, ignored || *word
		}
	}
	s.trust.mu.Lock()
	told := s.trust.word != nil && *s.trust.word
	s.trust.refused = refused
	s.trust.mu.Unlock()
	if ignored && !told && !refused {
		s.logf(protocol.MessageTypeWarning, "anvil.trusted is not heeded as a setting, which a checkout may bring: "+
			"say it in initializationOptions, or run: anvil-lsp trust DIR")
	}
}

// recheckTrust looks again whether each application may run. Those for which that
// changed are looked for again: before, not even their sockets were asked.
func (s *Server) recheckTrust() {
	var gained []*session
	for _, f := range s.allSessions() {
		may := s.mayRun(f.dir)
		if was := f.trusted.Swap(may); was == may {
			continue
		}
		if may {
			gained = append(gained, f)
			continue
		}
		f.poke()
		f.changed()
	}
	if len(gained) == 0 {
		return
	}
	s.mu.Lock()
	for _, w := range s.folders {
		had := len(w.sessions)
		w.sessions = slices.DeleteFunc(w.sessions, func(f *session) bool { return slices.Contains(gained, f) })
		w.scanned = w.scanned && len(w.sessions) == had // whatever else is in it
	}
	s.ending = append(slices.DeleteFunc(s.ending, (*session).hasEnded), gained...)
	for _, f := range gained {
		f.mu.Lock()
		s.overrides[f.dir] = f.override
		f.mu.Unlock()
		f.cancel()
	}
	s.mu.Unlock()
	s.discover()
}

// askWhether has the user asked about a directory, if nobody knows the answer.
// Again asks also who was asked before.
func (s *Server) askWhether(dir string, again bool) {
	t := &s.trust
	if s.answerFor(dir) != trust.None {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked[dir] && !again || slices.Contains(t.waiting, dir) {
		return
	}
	t.asked[dir] = true
	t.waiting = append(t.waiting, dir)
	if !t.asking {
		t.asking = true
		s.sessions.Go(s.askInTurn)
	}
}

// askInTurn asks one question after the other.
func (s *Server) askInTurn() {
	t := &s.trust
	for {
		t.mu.Lock()
		if len(t.waiting) == 0 || s.working.Err() != nil {
			t.asking = false
			t.mu.Unlock()
			return
		}
		dir := t.waiting[0]
		ctx, withdraw := context.WithCancel(s.working)
		t.withdraw = withdraw
		t.mu.Unlock()
		if s.answerFor(dir) == trust.None { // what was asked before may have answered it
			s.ask(ctx, dir)
		}
		withdraw()
		t.mu.Lock()
		t.waiting = t.waiting[1:]
		t.mu.Unlock()
	}
}

// What the user can answer.
const (
	answerRun    = "Run"
	answerNotNow = "Not now"
	answerNever  = "Never"
)

// ask asks the user whether the code of a directory may run. Whoever does not
// say so has not allowed it.
func (s *Server) ask(ctx context.Context, dir string) {
	s.logf(protocol.MessageTypeInfo, "%s", s.howToTrust(dir)) // some clients neither ask nor answer
	var answer *protocol.MessageActionItem
	err := s.conn.Call(ctx, protocol.MethodWindowShowMessageRequest, &protocol.ShowMessageRequestParams{
		Type: protocol.MessageTypeWarning,
		Message: fmt.Sprintf("Run the code in %s? anvil-lsp builds and starts it now and whenever it is opened. "+
			"Choose Run only if you trust it.", visible.Line(dir)),
		// Not Run first: some clients propose the first answer, and a key that was
		// meant for the text would give it.
		Actions: []protocol.MessageActionItem{{Title: answerNotNow}, {Title: answerRun}, {Title: answerNever}},
	}, &answer)
	switch {
	case ctx.Err() != nil: // there is another word
	case err == nil && answer != nil && answer.Title == answerRun:
		s.answered(dir, trust.Run)
	case err == nil && answer != nil && answer.Title == answerNever:
		s.answered(dir, trust.Never)
	default:
		s.showf(protocol.MessageTypeInfo, "anvil-lsp: %s", s.howToTrust(dir))
	}
}

func (s *Server) answered(dir string, a trust.Answer) {
	err := errors.New("there is no directory for the user's configuration")
	if s.trust.store != nil {
		err = s.trust.store.Set(dir, a)
	}
	if err != nil {
		s.trust.mu.Lock()
		s.trust.answers[dir] = a
		s.trust.mu.Unlock()
		s.logf(protocol.MessageTypeWarning, "%v; the answer holds until the editor ends", err)
	}
	s.recheckTrust()
}

// howToTrust says why nothing runs, and what to do about it.
func (s *Server) howToTrust(dir string) string {
	return fmt.Sprintf("nothing in %s is built or run until you trust it: anvil-lsp trust %s, then save a file",
		visible.Line(dir), visible.Shell(dir))
}

// subject returns the directory that the user is asked about for an application:
// the innermost folder around it that the editor has open, unless that is so wide
// that it says little, as the home directory does.
func (s *Server) subject(dir string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := ""
	for _, w := range s.folders {
		if paths.Below(dir, w.dir) && len(w.dir) > len(best) {
			best = w.dir
		}
	}
	home, err := os.UserHomeDir()
	if best == "" || best == filepath.Dir(best) || err == nil && paths.Below(view.RealPath(home), best) {
		return dir
	}
	return best
}

// mayNeverRun reports whether the client wants nothing to be run.
func (s *Server) mayNeverRun() bool {
	s.trust.mu.Lock()
	defer s.trust.mu.Unlock()
	return s.trust.refused || s.trust.word != nil && !*s.trust.word
}

// refuseToStart says why an application is not started, and asks the user if
// nobody has.
func (s *Server) refuseToStart(f *session) error {
	dir := s.subject(f.dir)
	s.askWhether(dir, true)
	return errors.New(s.howToTrust(dir))
}

// trustParams are those of anvil/trust.
type trustParams = json.RawMessage

func didTrust(s *Server, p *trustParams) {
	word := wordOf(*p)
	if word == nil {
		word = new(false)
	}
	s.trustWord(word)
	s.recheckTrust()
	s.discover()
}
