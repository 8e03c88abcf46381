package lspserver

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// syncFeature keeps the documents.
func syncFeature() family {
	return family{
		advertise: func(_ view.Client, c *protocol.ServerCapabilities) {
			incremental := protocol.TextDocumentSyncKindIncremental
			c.TextDocumentSync = &protocol.TextDocumentSyncOptions{
				OpenClose: new(true), Change: &incremental, Save: &protocol.SaveOptions{IncludeText: new(false)},
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
	path := view.PathOf(p.TextDocument.URI)
	if path != "" {
		path = view.RealPath(path)
	}
	doc := view.NewDocument(p.TextDocument.URI, path, p.TextDocument.Version, []byte(p.TextDocument.Text),
		s.client.Encoding)
	doc = doc.WithSaved(view.DiskSum(path))
	doc = s.docs.Put(doc)
	s.documentChanged(doc)
	s.lookAgain(doc)
}

func didChange(s *Server, p *protocol.DidChangeTextDocumentParams) {
	doc := s.docs.Latest().ByURI[p.TextDocument.URI]
	if doc == nil {
		s.logf(protocol.MessageTypeWarning, "textDocument/didChange: %s is not open", p.TextDocument.URI)
		return
	}
	if p.TextDocument.Version <= doc.Version {
		s.logf(protocol.MessageTypeWarning, "textDocument/didChange: version %d of %s after version %d",
			p.TextDocument.Version, p.TextDocument.URI, doc.Version)
	}
	next := view.NewDocument(doc.URI, doc.Real, p.TextDocument.Version,
		text.Apply(doc.Text, s.client.Encoding, p.ContentChanges), s.client.Encoding)
	next = next.After(doc)
	s.documentChanged(s.docs.Put(next))
}

func didSave(s *Server, p *protocol.DidSaveTextDocumentParams) {
	doc := s.docs.Latest().ByURI[p.TextDocument.URI]
	if doc == nil {
		return
	}
	if p.Text != nil && !bytes.Equal(doc.Text, []byte(*p.Text)) {
		doc = view.NewDocument(doc.URI, doc.Real, doc.Version, []byte(*p.Text), s.client.Encoding).After(doc)
	}
	doc = doc.WithSaved(doc.Sum)
	doc = s.docs.Put(doc)
	s.recheckTrust() // the user may have said so in a terminal
	for _, f := range s.allSessions() {
		for _, name := range s.docs.Latest().Links.Names(doc.Real) {
			f.saved(name)
		}
	}
	s.documentChanged(doc)
	s.lookAgain(doc)
}

func didClose(s *Server, p *protocol.DidCloseTextDocumentParams) {
	doc := s.docs.Latest().ByURI[p.TextDocument.URI]
	if doc == nil {
		return
	}
	s.docs.Remove(doc.URI)
	s.documentChanged(doc)
}

// documentChanged tells the sessions that a document is part of.
func (s *Server) documentChanged(doc *view.Document) {
	if doc.Path == "" {
		return
	}
	for _, f := range s.allSessions() {
		if slices.ContainsFunc(s.docs.Latest().Links.Names(doc.Real), f.Covers) {
			f.changed()
		}
	}
}

// rename gives the documents the names that the sessions know.
func (s *Server) rename() {
	now := view.Links{}
	dirs := map[string]bool{}
	sessions := s.allSessions()
	for _, f := range sessions {
		f.mu.Lock()
		maps.Copy(dirs, f.dirs)
		for real, names := range f.links {
			now[real] = append(now[real], names...)
		}
		f.mu.Unlock()
	}
	for real, names := range now {
		if dirs[real] || dirs[filepath.Dir(real)] {
			names = append([]string{real}, names...)
		} else {
			names = append(slices.Clone(names), real)
		}
		now[real] = view.Unique(names)
	}
	if !s.docs.SetLinks(now) {
		return
	}
	for _, f := range sessions {
		f.urgent.Store(true)
		f.changed()
	}
}
