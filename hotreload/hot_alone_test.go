//go:build anvilhot

package hotreload

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
)

// newWatch returns a watch over a file that does not exist yet. The copies that
// it loads register what the file's text says.
func newWatch(t *testing.T) (*pluginWatch, *logBuffer) {
	var log logBuffer
	state := NewLiveState(nil)
	state.logger = textLogger(&log)
	open := func(path string) (func(string) (any, error), error) {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(string(content), "mismatch") {
			return nil, errors.New("plugin was built with a different version of package store")
		}
		s := symbols(func(r *RouteSink) {
			switch {
			case strings.HasPrefix(string(content), "bad"):
				r.Get("no slash", ctxHandler)
			case strings.HasPrefix(string(content), "break"):
				r.Get("/", plainHandler)
			default:
				r.Get("/", func(c *Ctx) error { return c.Text(0, string(content)) })
			}
		})
		return func(name string) (any, error) { return s[name], nil }, nil
	}
	return &pluginWatch{
		path: filepath.Join(t.TempDir(), "app.so"), private: t.TempDir(), number: 1,
		loader: newLoader(state, open, ""), log: state.logger,
	}, &log
}

func TestWatchedPlugin(t *testing.T) {
	w, log := newWatch(t)
	state := w.loader.state
	if w.check(); state.Manifest() != nil {
		t.Fatal("something is live")
	}
	if err := w.startLinked(func(r *RouteSink) { r.Get("/", func(c *Ctx) error { return c.Text(0, "linked") }) }); err != nil {
		t.Fatal(err)
	}
	written := time.Now()
	write := func(content string) {
		t.Helper()
		// As compilers do: a new file under the old name, at another time.
		if err := os.WriteFile(w.path+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		written = written.Add(time.Second)
		if err := errors.Join(os.Chtimes(w.path+".new", written, written), os.Rename(w.path+".new", w.path)); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		write     string
		looks     int
		want, log string
	}{
		{"", 1, "200 linked", ""},
		{"first", 1, "200 linked", ""}, // not settled yet
		{"", 1, "200 first", "a new generation is live"},
		{"", 2, "200 first", ""}, // nothing new
		{"second", 2, "200 second", "generation=3"},
		{"bad one", 2, "200 second", "the last good generation keeps serving"},
		{"", 2, "200 second", ""}, // tried once is enough
		{"break it", 2, "200 second", "this change needs a restart of the process"},
		{"mismatch", 2, "200 second", "another version of package store"},
		{"x", 2, "200 second", "cannot be loaded"},
		{"third", 2, "200 third", "a new generation is live"},
	} {
		before := len(log.String())
		if step.write != "" {
			write(step.write)
		}
		for range step.looks {
			w.look()
		}
		if got := ask(state, "GET /"); got != step.want {
			t.Errorf("after %q: got %q, want %q", step.write, got, step.want)
		}
		if said := log.String()[before:]; !strings.Contains(said, step.log) || (step.log == "") != (said == "") {
			t.Errorf("after %q: the log says %q, want %q", step.write, said, step.log)
		}
	}
	if !strings.Contains(log.String(), "hot_alone_test.go:") {
		t.Errorf("no position in the log:\n%s", log.String())
	}
}

func TestStartWithWatchedPlugin(t *testing.T) {
	w, _ := newWatch(t)
	target := filepath.Join(t.TempDir(), "elsewhere.so")
	if err := errors.Join(os.WriteFile(target, []byte("linked to"), 0o600), os.Symlink(target, w.path)); err != nil {
		t.Fatal(err)
	}
	w.check()
	if got := ask(w.loader.state, "GET /"); got != "200 linked to" {
		t.Errorf("got %q", got)
	}
}

func TestStartWithLinkedHandlersThatFail(t *testing.T) {
	w, _ := newWatch(t)
	err := w.startLinked(func(r *RouteSink) { r.Get("no slash", ctxHandler) })
	if _, ok := errors.AsType[*RegistrationError](err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestServeAlone(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	started := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- runServer(ctx, Options{
			Addr: "127.0.0.1:0", Logger: textLogger(t.Output()),
			Register: func(r *RouteSink) { r.Get("/", ctxHandler); close(started) },
		}, func(ctx context.Context, o Options, s *LiveState) error {
			return serveAlone(ctx, o, s, &process.Environment{Hot: true, Generation: 1, Plugin: filepath.Join(dir, "app.so")})
		})
	}()
	<-started
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("LiveServer returned %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	err := serveAlone(t.Context(), Options{}, nil, &process.Environment{Err: errors.New("bad value")})
	if err == nil || err.Error() != "bad value" {
		t.Errorf("got %v", err)
	}
}
