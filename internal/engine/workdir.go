package engine

import (
	"github.com/anvilforge/anvil-lsp/internal/build"
)

// workDir returns the directory that a program runs in: the one that was asked for, or the root of
// its module, where `go run ./cmd/api` runs it. So a file that it names by a relative path is the
// same one, whichever directory is served. A program of no module of the workspace runs in the
// directory that is served.
func (o *Options) workDir(s *build.Snapshot) string {
	if o.Cwd != "" {
		return o.Cwd
	}
	if p := s.Package(s.Main()); p != nil && p.Workspace() && p.Module.Dir != "" {
		return p.Module.Dir
	}
	return o.Dir
}

// warnWorkDir says, once for each directory, that the application runs elsewhere than in the
// directory that is served, unless that was asked for.
func (t *task) warnWorkDir(dir string) {
	if dir == t.runsIn || t.opts.Cwd != "" {
		return
	}
	t.runsIn = dir
	if dir != t.opts.Dir {
		t.publish(warning("the application runs in %s, the root of its module; --cwd or the setting cwd changes that", dir))
	}
}
