package lspserver

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// statement is what one session says: about some files, of documents as they
// were.
type statement struct {
	docs  *view.DocumentSet
	files map[uri.URI][]protocol.Diagnostic
}

// about reports whether a statement is about the text of a file that there is
// now; doc is nil if it is not open.
func (st statement) about(u uri.URI, doc *view.Document) bool {
	var then *view.Document
	if st.docs != nil {
		then = st.docs.ByURI[u]
	}
	if then == nil || doc == nil {
		return then == doc
	}
	return then.Sum == doc.Sum
}

// publisher sends diagnostics: of all sessions together for each file, and only
// what is new.
type publisher struct {
	s *Server

	mu   sync.Mutex // guards what follows
	said map[*session]statement
	sent map[uri.URI]sentDiagnostics
}

// sentDiagnostics is what the client was told last about a file.
type sentDiagnostics struct {
	version int32
	open    bool
	list    []byte // encoded
}

func newPublisher(s *Server) *publisher {
	return &publisher{s: s, said: map[*session]statement{}, sent: map[uri.URI]sentDiagnostics{}}
}

// publish replaces what a session says. docs are the documents that it is about.
func (p *publisher) publish(f *session, docs *view.DocumentSet, now map[uri.URI][]protocol.Diagnostic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said[f] = (statement{docs, now}); f.ctx.Err() != nil {
		delete(p.said, f) // who has ended is not waited for
	}
	for _, u := range p.concerned() {
		p.send(u, p.s.docs.Latest().ByURI[u])
	}
}

// forget takes back what a session said.
func (p *publisher) forget(f *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.said, f)
	for _, u := range p.concerned() {
		p.send(u, p.s.docs.Latest().ByURI[u])
	}
}

// concerned returns the files that somebody says, or said, something about; those
// that nobody says anything about any more come first. A file may have two names,
// the client's and ours, which one client keeps apart and another does not: what
// is taken back under the one must not take away what is said under the other.
func (p *publisher) concerned() []uri.URI {
	set := map[uri.URI]bool{}
	for u := range p.sent {
		set[u] = false
	}
	for _, st := range p.said {
		for u := range st.files {
			set[u] = true
		}
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b uri.URI) int {
		if set[a] != set[b] {
			if set[b] {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
}

// send tells the client about one file, unless it knows. What was said of
// another text than that of doc, the newest, is left out; if who said it looks at
// the newest just now, nothing is sent until it has spoken.
func (p *publisher) send(u uri.URI, doc *view.Document) {
	now := sentDiagnostics{}
	params := &protocol.PublishDiagnosticsParams{URI: u, Diagnostics: []protocol.Diagnostic{}}
	for _, f := range p.order() {
		st := p.said[f]
		switch {
		case st.about(u, doc):
			params.Diagnostics = append(params.Diagnostics, st.files[u]...)
		case slices.ContainsFunc(p.s.docs.Latest().Links.Names(view.RealPath(view.PathOf(u))), f.covers):
			return
		}
	}
	if len(p.said) > 1 {
		params.Diagnostics = once(params.Diagnostics)
	}
	if doc != nil {
		now.open, now.version = true, doc.Version
		if p.s.client.DiagnosticVersion {
			params.Version = protocol.NewOptional(doc.Version)
		}
	}
	was, told := p.sent[u]
	if len(params.Diagnostics) == 0 && !told {
		return
	}
	list, err := protocol.Marshal(params.Diagnostics)
	if err != nil {
		return
	}
	now.list = list
	if told && bytes.Equal(was.list, now.list) && was.open == now.open && was.version == now.version {
		return
	}
	if len(params.Diagnostics) == 0 {
		delete(p.sent, u)
		if len(was.list) <= 2 { // it knows of none
			return
		}
	} else {
		p.sent[u] = now
	}
	p.s.conn.NotifyLatest(protocol.MethodTextDocumentPublishDiagnostics, string(u), params)
}

// once leaves out what is said again: applications that share a package find the
// same in it.
func once(ds []protocol.Diagnostic) []protocol.Diagnostic {
	seen := map[string]bool{}
	return slices.DeleteFunc(ds, func(d protocol.Diagnostic) bool {
		data, err := protocol.Marshal(&d)
		again := err == nil && seen[string(data)]
		seen[string(data)] = true
		return again
	})
}

// order returns the sessions, sorted.
func (p *publisher) order() []*session {
	return slices.SortedFunc(maps.Keys(p.said), func(a, b *session) int { return strings.Compare(a.dir, b.dir) })
}
