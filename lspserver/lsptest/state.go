package lsptest

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver"
)

// State is what the server has said.
type State struct {
	Diagnostics map[uri.URI]Published
	Status      map[uri.URI]lspserver.Status
	Statuses    []lspserver.Status // all, in order
	Progress    []Progress
	Messages    []string // of window/showMessage and window/showMessageRequest
	Log         []string
	Requests    map[string]int // of the server, by method
	Published   int            // how often diagnostics were published
	Transcript  []Entry
}

// Published is what is shown for one file.
type Published struct {
	Version     *int32 // nil: none was given
	Diagnostics []protocol.Diagnostic
}

// Progress is one step of a progress.
type Progress struct {
	Token   string `json:"-"`
	Kind    string `json:"kind"`
	Title   string `json:"title"`
	Message string `json:"message"`
}

// Entry is one message, as it travelled.
type Entry struct {
	From   string // editor or server
	Method string // empty: an answer
	ID     string
	Params json.RawMessage
	Result json.RawMessage
	Error  *jsonrpc2.Error
}

func newState() State {
	return State{Diagnostics: map[uri.URI]Published{}, Status: map[uri.URI]lspserver.Status{}, Requests: map[string]int{}}
}

// take takes a notification or request of the server over.
func (s *State) receive(m message) error {
	if m.ID != nil {
		s.Requests[m.Method]++
	}
	switch m.Method {
	case protocol.MethodTextDocumentPublishDiagnostics:
		var p protocol.PublishDiagnosticsParams
		if err := protocol.Unmarshal(m.Params, &p); err != nil {
			return err
		}
		pub := Published{Diagnostics: p.Diagnostics}
		if v, ok := p.Version.Get(); ok {
			pub.Version = &v
		}
		s.Diagnostics[p.URI] = pub
		s.Published++
	case "anvil/status":
		var st lspserver.Status
		if err := json.Unmarshal(m.Params, &st); err != nil {
			return err
		}
		s.Status[st.Folder] = st
		s.Statuses = append(s.Statuses, st)
	case protocol.MethodProgress:
		var p struct {
			Token string   `json:"token"`
			Value Progress `json:"value"`
		}
		if err := json.Unmarshal(m.Params, &p); err != nil {
			return err
		}
		p.Value.Token = p.Token
		s.Progress = append(s.Progress, p.Value)
	case protocol.MethodWindowShowMessage, protocol.MethodWindowShowMessageRequest, protocol.MethodWindowLogMessage:
		var p struct {
			Message string `json:"message"`
		}
		if err := json.Unmarshal(m.Params, &p); err != nil {
			return err
		}
		if m.Method == protocol.MethodWindowLogMessage {
			s.Log = append(s.Log, p.Message)
		} else {
			s.Messages = append(s.Messages, p.Message)
		}
	}
	return nil
}

// Only returns the status of the only application.
func (s *State) Only() lspserver.Status {
	for _, st := range s.Status {
		return st
	}
	return lspserver.Status{}
}

// Live reports whether the only application is live with a generation, or a
// later one.
func (s *State) Live(generation int) bool {
	st := s.Only()
	return st.State == "live" && st.Generation >= generation
}

// In returns the diagnostics of a file, by the end of its path.
func (s *State) In(name string) Published {
	for u, p := range s.Diagnostics {
		if strings.HasSuffix(filepath.ToSlash(u.FsPath()), "/"+name) {
			return p
		}
	}
	return Published{}
}

// Has reports whether a file has a diagnostic with a code.
func (s *State) Has(name string, code manifest.Code) bool {
	_, ok := s.Find(name, code)
	return ok
}

// Find returns the first diagnostic of a file with a code.
func (s *State) Find(name string, code manifest.Code) (protocol.Diagnostic, bool) {
	ds := s.In(name).Diagnostics
	i := slices.IndexFunc(ds, func(d protocol.Diagnostic) bool { return d.Code == protocol.String(code) })
	if i < 0 {
		return protocol.Diagnostic{}, false
	}
	return ds[i], true
}

// Ended reports whether a progress with a text in its last message has ended.
func (s *State) Ended(text string) bool {
	return slices.ContainsFunc(s.Progress, func(p Progress) bool {
		return p.Kind == "end" &&
			strings.Contains(p.Message, text)
	})
}

// tail returns the end of the transcript, for a failing test.
func (s *State) tail() string {
	var b strings.Builder
	for _, e := range s.Transcript[max(0, len(s.Transcript)-30):] {
		line := fmt.Sprintf("%s %s %s %s%s", e.From, e.Method, e.ID, e.Params, e.Result)
		if e.Error != nil {
			line += " " + e.Error.Message
		}
		fmt.Fprintln(&b, line[:min(len(line), 500)])
	}
	return b.String()
}
