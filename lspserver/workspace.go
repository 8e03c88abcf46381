package lspserver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/application"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// workspaceFolder is a folder that the editor has open, or that of a document
// which is in none.
type workspaceFolder struct {
	uri      uri.URI
	given    string         // its path as the editor names it
	dir      string         // the real path
	settings *view.Settings // nil: those of the server
	sessions []*session
	scanning bool
	again    bool // to be looked through once more
	scanned  bool
	nothing  application.Discovery // the last one, where no application was found
	told     bool                  // that there is none
	module   string                // of the document that it is here for; empty: the editor has it open
}

func workspaceFeature() family {
	return family{
		advertise: func(_ view.Client, c *protocol.ServerCapabilities) {
			c.Workspace = &protocol.WorkspaceOptions{WorkspaceFolders: &protocol.WorkspaceFoldersServerCapabilities{
				Supported: new(true), ChangeNotifications: protocol.Boolean(true),
			}}
		},
		methods: map[string]method{
			protocol.MethodWorkspaceDidChangeWorkspaceFolders: notification(didChangeFolders),
			protocol.MethodWorkspaceDidChangeConfiguration:    notification(didChangeConfiguration),
			"anvil/trust": notification(didTrust),
		},
	}
}

func didChangeFolders(s *Server, p *protocol.DidChangeWorkspaceFoldersParams) {
	for _, f := range p.Event.Removed {
		s.removeFolder(f)
	}
	for _, f := range p.Event.Added {
		s.addFolder(f)
	}
	s.pullConfiguration(s.discover) // of the new folders
}

func (s *Server) addFolder(f protocol.WorkspaceFolder) {
	given := view.PathOf(f.URI)
	if given == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := slices.IndexFunc(s.folders, func(w *workspaceFolder) bool { return w.given == given }); at >= 0 {
		s.folders[at].module = ""
		return
	}
	s.folders = append(s.folders, &workspaceFolder{uri: f.URI, given: given, dir: view.RealPath(given)})
}

// removeFolder forgets a folder, and ends the sessions that no other folder has.
func (s *Server) removeFolder(f protocol.WorkspaceFolder) {
	given := view.PathOf(f.URI)
	s.mu.Lock()
	var gone []*session
	s.folders = slices.DeleteFunc(s.folders, func(w *workspaceFolder) bool {
		if w.given != given {
			return false
		}
		gone = append(gone, w.sessions...)
		return true
	})
	for _, w := range s.folders {
		gone = slices.DeleteFunc(gone, func(x *session) bool { return slices.Contains(w.sessions, x) })
	}
	s.ending = append(slices.DeleteFunc(s.ending, (*session).hasEnded), gone...)
	s.assignSettings()
	s.mu.Unlock()
	for _, x := range gone {
		x.cancel()
	}
}

// awaitEnding waits for the sessions of removed folders: what they have, such as
// an address, may be what the next one wants.
func (s *Server) awaitEnding(ctx context.Context) {
	s.mu.Lock()
	ending := slices.Clone(s.ending)
	s.mu.Unlock()
	for _, x := range ending {
		select {
		case <-x.ended:
		case <-ctx.Done():
			return
		}
	}
}

// discover looks through the folders that have not been looked through, and then
// around documents.
func (s *Server) discover() {
	defer s.lookAround()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready || s.closed {
		return
	}
	for _, w := range s.folders {
		if len(w.sessions) == 0 || !w.scanned {
			s.scan(w)
		}
	}
}

// scan searches a folder concurrently; s.mu is held.
func (s *Server) scan(w *workspaceFolder) {
	if w.scanning {
		w.again = true
		return
	}
	w.scanning = true
	s.sessions.Go(func() {
		for {
			s.mu.Lock()
			settings := *cmp.Or(w.settings, s.settings.Load())
			s.mu.Unlock()
			found := application.Find(s.working, w.dir, w.module != "", settings, s.mayRun)
			s.mu.Lock()
			for _, dir := range found.Dirs {
				s.startSession(w, dir)
			}
			w.scanned, w.nothing = true, found
			if !w.again || s.working.Err() != nil {
				w.scanning = false
				s.mu.Unlock()
				s.tellNothing()
				s.lookAround()
				return
			}
			w.again = false
			s.mu.Unlock()
		}
	})
}

// startSession begins a session unless there is one; s.mu is held.
func (s *Server) startSession(w *workspaceFolder, dir string) {
	if s.closed || s.working.Err() != nil || !slices.Contains(s.folders, w) {
		return
	}
	for _, other := range s.folders {
		for _, x := range other.sessions {
			if x.dir == dir {
				if !slices.Contains(w.sessions, x) {
					w.sessions = append(w.sessions, x)
				}
				return
			}
		}
	}
	given := dir
	if up, ok := strings.CutPrefix(w.dir, dir); ok && strings.HasSuffix(w.given, up) {
		given = strings.TrimSuffix(w.given, up)
	}
	if w.given != w.dir && paths.Below(dir, w.dir) {
		given = w.given + dir[len(w.dir):]
	}
	ctx, cancel := context.WithCancel(s.working)
	x := newSession(s, ctx, cancel, dir, given, s.settingsIn(dir))
	x.override = s.overrides[dir]
	delete(s.overrides, dir)
	w.sessions = append(w.sessions, x)
	s.sessions.Go(x.run)
	s.thinking.Go(x.predictLoop)
	if !x.trusted.Load() {
		s.sessions.Go(func() { s.askWhether(s.subject(dir), false) })
	}
}

// lookAgain looks through a folder once more if a document could make it the
// home of an application.
func (s *Server) lookAgain(doc *view.Document) {
	defer s.lookAround()
	defer s.tellNothing()
	if filepath.Ext(doc.Path) != ".go" || !bytes.Contains(doc.Text, []byte(manifest.RegisterName)) &&
		!bytes.Contains(doc.Text, []byte(discover.ServeName)) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready || s.closed {
		return
	}
	for _, w := range s.folders {
		if paths.Below(doc.Path, w.dir) && !slices.ContainsFunc(w.sessions,
			func(x *session) bool { return paths.Below(doc.Path, x.dir) }) {
			s.scan(w)
		}
	}
}

// lookAround looks for the applications of documents that are in no folder, while
// no folder that the editor has open holds one: somebody has opened a file, and
// nothing else. Where one does, such a document is a dependency, or a glance at
// something else.
func (s *Server) lookAround() {
	open := s.docs.Latest().ByPath
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready || s.closed || s.working.Err() != nil {
		return
	}
	for _, w := range s.folders {
		if w.scanning || w.module == "" && (!w.scanned || len(w.sessions) > 0) {
			return
		}
	}
	for _, path := range slices.Sorted(maps.Keys(open)) {
		dir := filepath.Dir(path)
		if filepath.Ext(path) != ".go" || slices.ContainsFunc(s.folders, func(w *workspaceFolder) bool {
			return paths.Below(path, w.dir) || slices.ContainsFunc(w.sessions, func(x *session) bool { return x.Covers(path) })
		}) {
			continue
		}
		module := application.ModuleAround(dir)
		if module == "" {
			continue
		}
		w := &workspaceFolder{uri: uri.File(dir), given: dir, dir: dir, module: module}
		known := false
		for _, other := range s.folders {
			if other.module == module && len(other.sessions) == 0 {
				known = known || !other.nothing.Concerns // nothing in the module has to do with anvil-lsp
				w.told = w.told || other.told
			}
		}
		if !known {
			s.folders = append(s.folders, w)
			s.scan(w)
			return // the others may be of the same application
		}
	}
}

// tellNothing says, once for each folder, why there is no application in it, to
// somebody who has a Go file of it open.
func (s *Server) tellNothing() {
	open := s.docs.Latest().ByPath
	s.mu.Lock()
	var untold []*workspaceFolder
	for _, w := range s.folders {
		if !w.scanned || w.scanning || w.told || w.nothing.Reason == "" || s.working.Err() != nil {
			continue
		}
		for path := range open {
			if filepath.Ext(path) == ".go" && paths.Below(path, w.dir) && !w.told {
				w.told, untold = true, append(untold, w)
			}
		}
	}
	s.mu.Unlock()
	for _, w := range untold {
		switch {
		case len(w.nothing.Dirs) > 0:
			s.logf(protocol.MessageTypeWarning, "%s: %s", w.given, w.nothing.Reason)
		case w.nothing.Concerns:
			s.showf(protocol.MessageTypeInfo, "anvil-lsp: no application was found in %s: %s", w.given, w.nothing.Reason)
		default:
			s.logf(protocol.MessageTypeInfo, "no application was found in %s: %s", w.given, w.nothing.Reason)
		}
	}
}

// noApplication is the error of a request that needs an application.
func (s *Server) noApplication() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.folders {
		if w.nothing.Reason != "" {
			return feature.Failed(errors.New("there is no application in the workspace: " + w.nothing.Reason))
		}
	}
	return feature.Failed(errors.New("there is no application in the workspace"))
}
