package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/launch"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// newTestEngine returns an engine without a workspace, a watcher and a live
// server: what publish, the front page and the loop need.
func newTestEngine(t *testing.T) *Engine {
	t.Helper()
	socket, err := launch.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := socket.Close(); err != nil {
			t.Error(err)
		}
	})
	e := &Engine{
		opts: Options{Dir: t.TempDir(), Log: NewLog()}, socket: socket, events: transport.NewStream[control.Event](),
		requests: make(chan request), ended: make(chan struct{}), checker: newSharedChecker(), pauses: newPauses(), rechecks: newRechecks(),
	}
	relevant := golist.PossiblyRelevant
	e.relevant.Store(&relevant)
	return e
}

// now carries out a part of a task, without anything else that a loop does, and keeps its main package.
func (l *loop) now(do func(*task) outcome) outcome {
	t := l.newTask(request{})
	go func() { l.results <- do(t) }()
	for {
		select {
		case r := <-l.reports:
			l.receiveReport(r)
		case out := <-l.results:
			l.main = t.main
			return out
		}
	}
}

// finding returns a diagnostic at a place in a file.
func finding(code manifest.Code, file string, line int, message string) manifest.Diagnostic {
	return manifest.Diagnose(code, manifest.Position{File: file, Line: line}, "%s", message)
}

// writeFile writes a file and the directories above it, and returns its path.
func writeFile(t *testing.T, text string, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	testkit.WriteFile(t, name, text)
	return name
}

func readFile(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// names returns the names in a directory, sorted.
func names(t *testing.T, path ...string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Name()
	}
	return out
}
