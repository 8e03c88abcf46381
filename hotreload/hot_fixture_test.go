//go:build anvilhot

package hotreload

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// shelf holds plugins that are made of plain functions: opening a file gives the
// symbols that were put under its name.
type shelf struct {
	dir string

	mu      sync.Mutex // guards plugins: a load that was given up may still look
	plugins map[string]fakePlugin
}

type fakePlugin struct {
	symbols map[string]any
	init    func() error // package initialisation, and what the loader returns
}

func newShelf(t *testing.T) *shelf {
	return &shelf{dir: t.TempDir(), plugins: map[string]fakePlugin{}}
}

// put writes a plugin and returns its path.
func (s *shelf) put(t *testing.T, p fakePlugin) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.dir, fmt.Sprintf("%d.so", len(s.plugins)))
	if err := os.WriteFile(path, []byte("a plugin"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.plugins[path] = p
	return path
}

func (s *shelf) open(path string) (func(string) (any, error), error) {
	s.mu.Lock()
	p := s.plugins[path]
	s.mu.Unlock()
	if p.init != nil {
		if err := p.init(); err != nil {
			return nil, err
		}
	}
	return func(name string) (any, error) {
		if symbol, ok := p.symbols[name]; ok {
			return symbol, nil
		}
		return nil, errors.New("plugin: symbol " + name + " not found in plugin")
	}, nil
}

// symbols are those of a plugin as the builder makes it.
func symbols(register any) map[string]any {
	version := ABIVersion
	return map[string]any{manifest.RegisterName: &register, manifest.ABIName: &version}
}

// bench is a loader with plugins to load.
type bench struct {
	*loader
	*shelf
	t      *testing.T
	number int
}

func newBench(t *testing.T) *bench {
	b := &bench{shelf: newShelf(t), t: t}
	state := NewLiveState(nil)
	state.logger = textLogger(t.Output())
	b.loader = newLoader(state, b.shelf.open, "example.com/app/handlers")
	state.dev = newDevelopment(b.loader, &process.Environment{})
	return b
}

// try loads a plugin as the next generation.
func (b *bench) try(p fakePlugin, change ...func(*control.LoadRequest)) control.LoadResult {
	b.t.Helper()
	b.number++
	req := control.LoadRequest{Generation: b.number, Plugin: b.put(b.t, p), Hot: []string{manifest.RuntimePath}}
	for _, c := range change {
		c(&req)
	}
	result, err := b.load(req)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// live loads a plugin that nothing is wrong with.
func (b *bench) live(register func(*RouteSink)) control.LoadResult {
	b.t.Helper()
	result := b.try(fakePlugin{symbols: symbols(register)})
	if result.Outcome != control.OutcomeLive {
		b.t.Fatalf("not live: %v", result.Diagnostics)
	}
	return result
}
