// Package publish tells the client the diagnostics of all applications together,
// file by file, and only what is new. It knows neither the server nor a session.
package publish

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

// Source is an application that has diagnostics.
type Source interface {
	Dir() string
	Covers(path string) bool // whether a file belongs to it
	Gone() bool              // it ends, and says nothing more
}

// Client is where diagnostics are sent.
type Client interface {
	PublishesVersions() bool
	Publish(p *protocol.PublishDiagnosticsParams)
}

// statement is what one source says: about some files, of documents as they
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

// Publisher sends diagnostics: of all sources together for each file, and only
// what is new.
type Publisher struct {
	docs   *view.Documents
	client Client

	mu   sync.Mutex // guards what follows
	said map[Source]statement
	sent map[uri.URI]sentDiagnostics
}

// sentDiagnostics is what the client was told last about a file.
type sentDiagnostics struct {
	version int32
	open    bool
	list    []byte // encoded
}

// New returns a Publisher for the documents that a client has open.
func New(docs *view.Documents, client Client) *Publisher {
	return &Publisher{docs: docs, client: client, said: map[Source]statement{}, sent: map[uri.URI]sentDiagnostics{}}
}

// Publish replaces what a source says. docs are the documents that it is about.
func (p *Publisher) Publish(f Source, docs *view.DocumentSet, now map[uri.URI][]protocol.Diagnostic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said[f] = (statement{docs, now}); f.Gone() {
		delete(p.said, f) // who has ended is not waited for
	}
	for _, u := range p.concerned() {
		p.send(u, p.docs.Latest().ByURI[u])
	}
}

// Forget withdraws what a source said.
func (p *Publisher) Forget(f Source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.said, f)
	for _, u := range p.concerned() {
		p.send(u, p.docs.Latest().ByURI[u])
	}
}

// concerned returns the files that somebody says, or said, something about; those
// that nothing is said about any more come first. A file may have two names,
// the client's and ours, which one client keeps apart and another does not: what
// is taken back under the one must not take away what is said under the other.
func (p *Publisher) concerned() []uri.URI {
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
func (p *Publisher) send(u uri.URI, doc *view.Document) {
	now := sentDiagnostics{}
	params := &protocol.PublishDiagnosticsParams{URI: u, Diagnostics: []protocol.Diagnostic{}}
	for _, f := range p.order() {
		st := p.said[f]
		switch {
		case st.about(u, doc):
			params.Diagnostics = append(params.Diagnostics, st.files[u]...)
		case slices.ContainsFunc(p.docs.Latest().Links.Names(view.RealPath(view.PathOf(u))), f.Covers):
			return
		}
	}
	if len(p.said) > 1 {
		params.Diagnostics = once(params.Diagnostics)
	}
	if doc != nil {
		now.open, now.version = true, doc.Version
		if p.client.PublishesVersions() {
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
	p.client.Publish(params)
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

// order returns the sources, sorted.
func (p *Publisher) order() []Source {
	return slices.SortedFunc(maps.Keys(p.said), func(a, b Source) int { return strings.Compare(a.Dir(), b.Dir()) })
}
