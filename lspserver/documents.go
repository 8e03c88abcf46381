package lspserver

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
)

// Document is a version of a text that the editor has open. It does not change.
type Document struct {
	URI     uri.URI
	Path    string // as the go command names it, absolute; empty if it is no file
	Version int32
	Text    []byte
	// Saved is the digest of the text that is known to be on disk; zero if there is
	// no such file.
	Saved [sha256.Size]byte

	real   string // the path without symbolic links
	sum    [sha256.Size]byte
	common [sha256.Size]byte // of the last text that was in the buffer and on disk; zero: there was none
	mapper func() *text.Mapper
}

func newDocument(u uri.URI, path string, version int32, data []byte, e text.Encoding) *Document {
	return &Document{
		URI: u, Path: path, real: path, Version: version, Text: data, sum: sha256.Sum256(data),
		mapper: sync.OnceValue(func() *text.Mapper { return text.NewMapper(data, e) }),
	}
}

// Mapper maps positions of the document.
func (d *Document) Mapper() *text.Mapper { return d.mapper() }

// Dirty reports whether the text was changed in the editor since it equalled what
// is on disk, so that saving it would say something.
func (d *Document) Dirty() bool { return d.sum != d.Saved && d.sum != d.common }

// Stale reports whether the text was left behind: it equalled what is on disk, and
// nobody has touched it since that changed or went. What it says is over.
func (d *Document) Stale() bool { return d.sum != d.Saved && d.sum == d.common }

// with returns the document with another idea of what is on disk.
func (d *Document) with(saved [sha256.Size]byte) *Document {
	c := *d
	c.Saved = saved
	if c.sum == saved {
		c.common = saved
	}
	return &c
}

// follow returns the document as the version after another.
func (d *Document) follow(before *Document) *Document {
	d.common = before.common
	return d.with(before.Saved)
}

// documents are those that are open. Readers take a picture that does not
// change; one goroutine at a time writes.
type documents struct {
	mu  sync.Mutex // guards writing
	now atomic.Pointer[documentSet]
}

// documentSet is the open documents at one moment. A document is in byPath under
// each name of its file that a symbolic link gives it.
type documentSet struct {
	byURI  map[uri.URI]*Document
	byPath map[string]*Document
	links  links
}

func (d *documents) all() *documentSet {
	if set := d.now.Load(); set != nil {
		return set
	}
	return &documentSet{}
}

func (d *documents) update(change func(*documentSet)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.all()
	set := &documentSet{byURI: maps.Clone(old.byURI), byPath: maps.Clone(old.byPath), links: old.links}
	if set.byURI == nil {
		set.byURI, set.byPath = map[uri.URI]*Document{}, map[string]*Document{}
	}
	change(set)
	d.now.Store(set)
}

// current returns the documents whose text counts: all but those that were left
// behind.
func (set *documentSet) current() *documentSet {
	out := &documentSet{byURI: maps.Clone(set.byURI), byPath: maps.Clone(set.byPath), links: set.links}
	maps.DeleteFunc(out.byURI, func(_ uri.URI, d *Document) bool { return d.Stale() })
	maps.DeleteFunc(out.byPath, func(_ string, d *Document) bool { return d.Stale() })
	return out
}

// put keeps a document, in place of an older version, and returns it as it is
// named.
func (d *documents) put(doc *Document) (kept *Document) {
	d.update(func(set *documentSet) { kept = set.put(doc) })
	return kept
}

func (set *documentSet) put(doc *Document) *Document {
	names := set.links.names(doc.real)
	if doc.Path != names[0] {
		c := *doc
		c.Path = names[0]
		doc = &c
	}
	set.byURI[doc.URI] = doc
	for _, name := range names {
		if name != "" {
			set.byPath[name] = doc
		}
	}
	return doc
}

func (d *documents) remove(u uri.URI) {
	d.update(func(set *documentSet) {
		doc := set.byURI[u]
		delete(set.byURI, u)
		if doc == nil || set.byPath[doc.Path] != doc {
			return
		}
		maps.DeleteFunc(set.byPath, func(_ string, other *Document) bool { return other == doc })
		var best *Document // it may be open under another name, too
		for _, other := range set.byURI {
			if other.real == doc.real && (best == nil || other.URI < best.URI) {
				best = other
			}
		}
		if best != nil {
			set.put(best)
		}
	})
}

// syncFeature keeps the documents.
func syncFeature() feature {
	return feature{
		advertise: func(_ Client, c *protocol.ServerCapabilities) {
			incremental := protocol.TextDocumentSyncKindIncremental
			c.TextDocumentSync = &protocol.TextDocumentSyncOptions{
				OpenClose: on(true), Change: &incremental, Save: &protocol.SaveOptions{IncludeText: on(false)},
			}
		},
		methods: map[string]method{
			protocol.MethodTextDocumentDidOpen:   notification(didOpen),
			protocol.MethodTextDocumentDidChange: notification(didChange),
			protocol.MethodTextDocumentDidSave:   notification(didSave),
			protocol.MethodTextDocumentDidClose:  notification(didClose),
		},
	}
}

func didOpen(s *Server, p *protocol.DidOpenTextDocumentParams) {
	path := pathOf(p.TextDocument.URI)
	if path != "" {
		path = realPath(path)
	}
	doc := newDocument(p.TextDocument.URI, path, p.TextDocument.Version, []byte(p.TextDocument.Text), s.client.Encoding)
	doc = doc.with(diskSum(path))
	doc = s.docs.put(doc)
	s.documentChanged(doc)
	s.lookAgain(doc)
}

func didChange(s *Server, p *protocol.DidChangeTextDocumentParams) {
	doc := s.docs.all().byURI[p.TextDocument.URI]
	if doc == nil {
		s.logf(protocol.MessageTypeWarning, "textDocument/didChange: %s is not open", p.TextDocument.URI)
		return
	}
	if p.TextDocument.Version <= doc.Version {
		s.logf(protocol.MessageTypeWarning, "textDocument/didChange: version %d of %s after version %d", p.TextDocument.Version, p.TextDocument.URI, doc.Version)
	}
	next := newDocument(doc.URI, doc.real, p.TextDocument.Version, text.Apply(doc.Text, s.client.Encoding, p.ContentChanges), s.client.Encoding)
	next = next.follow(doc)
	s.documentChanged(s.docs.put(next))
}

func didSave(s *Server, p *protocol.DidSaveTextDocumentParams) {
	doc := s.docs.all().byURI[p.TextDocument.URI]
	if doc == nil {
		return
	}
	if p.Text != nil && !bytes.Equal(doc.Text, []byte(*p.Text)) {
		doc = newDocument(doc.URI, doc.real, doc.Version, []byte(*p.Text), s.client.Encoding).follow(doc)
	}
	doc = doc.with(doc.sum)
	doc = s.docs.put(doc)
	s.recheckTrust() // the user may have said so in a terminal
	for _, f := range s.allSessions() {
		for _, name := range s.docs.all().links.names(doc.real) {
			f.saved(name)
		}
	}
	s.documentChanged(doc)
	s.lookAgain(doc)
}

func didClose(s *Server, p *protocol.DidCloseTextDocumentParams) {
	doc := s.docs.all().byURI[p.TextDocument.URI]
	if doc == nil {
		return
	}
	s.docs.remove(doc.URI)
	s.documentChanged(doc)
}

// documentChanged tells the sessions that a document is part of.
func (s *Server) documentChanged(doc *Document) {
	if doc.Path == "" {
		return
	}
	for _, f := range s.allSessions() {
		if slices.ContainsFunc(s.docs.all().links.names(doc.real), f.covers) {
			f.changed()
		}
	}
}

// diskSum returns the digest of a file; zero if it cannot be read.
func diskSum(path string) (sum [sha256.Size]byte) {
	if path == "" {
		return sum
	}
	if data, err := regular.Read(path, regular.MaxSource); err == nil {
		sum = sha256.Sum256(data)
	}
	return sum
}

// ours reports whether a file can matter to an application.
func ours(path string) bool {
	return strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "go.mod") || strings.HasSuffix(path, "go.work")
}
