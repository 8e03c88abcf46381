package lspserver

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// watchedFeature is what the client notices on disk. An engine watches by
// itself: this is for sessions without one.
func watchedFeature() family {
	return family{methods: map[string]method{
		protocol.MethodWorkspaceDidChangeWatchedFiles: notification(didChangeWatchedFiles),
	}}
}

// watchedFiles is what the client is asked to watch.
const watchedFiles = "**/*.{go,mod,sum,work}"

// watchFiles asks the client, once, to tell what changes on disk.
func (s *Server) watchFiles() {
	if !s.client.WatchesFiles {
		return
	}
	s.watching.Do(func() {
		s.sessions.Go(func() {
			ctx, cancel := context.WithTimeout(s.working, clientPatience)
			defer cancel()
			_ = s.conn.Call(ctx, protocol.MethodClientRegisterCapability,
				&protocol.RegistrationParams{Registrations: []protocol.Registration{{
					ID: "anvil-files", Method: protocol.MethodWorkspaceDidChangeWatchedFiles,
					RegisterOptions: feature.JSON(&protocol.DidChangeWatchedFilesRegistrationOptions{
						Watchers: []protocol.FileSystemWatcher{{GlobPattern: protocol.Pattern(watchedFiles)}},
					}),
				}}}, nil) // a client that cannot do it does without
		})
	})
}

func didChangeWatchedFiles(s *Server, p *protocol.DidChangeWatchedFilesParams) {
	for _, f := range s.allSessions() {
		concerned := false
		for _, change := range p.Changes {
			if path := view.PathOf(change.URI); path != "" {
				for _, name := range s.docs.Latest().Links.Names(view.RealPath(path)) {
					concerned = f.changedOnDisk(name) || concerned
				}
			}
		}
		if concerned {
			s.savedOnDisk(f)
			f.changed()
			f.retry()
		}
	}
}

// changedOnDisk notes that a file changed behind the editor's back, if there is
// no engine that notices by itself. It reports whether the file matters.
func (f *session) changedOnDisk(path string) bool {
	sums := strings.HasSuffix(path, ".sum")
	if !f.follows(path) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.own || f.link != nil {
		return false
	}
	if sums {
		f.stale.all = true // which packages it is about is not known
	} else {
		f.stale.files = append(f.stale.files, path)
	}
	return true
}

// follows reports whether a file on disk can matter to the application: its Go
// files, and the module files around them.
func (f *session) follows(path string) bool {
	if rest, in := strings.CutPrefix(path, f.dir+string(filepath.Separator)); in {
		names := strings.Split(rest, string(filepath.Separator))
		return !slices.ContainsFunc(names[:len(names)-1], discover.SkippedName)
	}
	if filepath.Ext(path) != ".go" && paths.Below(f.dir, filepath.Dir(path)) {
		return true
	}
	return f.Covers(path)
}
