//go:build anvilhot

package hotreload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/plugins"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// pollInterval is how often a watched plugin is looked at.
const pollInterval = 250 * time.Millisecond

// serveAlone serves without an engine: the plugin file that the user builds is
// loaded whenever it changes.
func serveAlone(ctx context.Context, o Options, state *LiveState, env *process.Environment) error {
	if err := errors.Join(env.Err, checkTLS(o.TLSConfig)); err != nil {
		return err
	}
	private, err := os.MkdirTemp("", "anvil-plugins-")
	if err != nil {
		return fmt.Errorf("making room for copies of the plugin: %w", err)
	}
	defer os.RemoveAll(private)
	loader := newLoader(state, plugins.Open, env.Handlers)
	dev := newDevelopment(loader, env)
	state.dev = dev
	defer context.AfterFunc(ctx, dev.streams.End)()
	w := &pluginWatch{
		path: env.Plugin, private: private, loader: loader, hot: env.HotPaths, log: o.Logger, number: env.Generation,
	}
	if w.check(); state.current.Load() == nil {
		if err := w.startLinked(o.Register); err != nil {
			return err
		}
	}
	front := newFront(o, state)
	if err := front.listen(ctx, o, "generation", state.liveNumber(), "plugin", env.Plugin); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		w.run(ctx)
	}()
	state.live.begin()
	err = front.end(ctx)
	stop()
	loader.close()
	<-watching
	loader.events.Close()
	return err
}

// pluginWatch loads a plugin file each time it has changed.
type pluginWatch struct {
	path    string
	private string // directory for the copies that are loaded
	loader  *loader
	hot     []string
	log     *slog.Logger
	number  int // of the next generation

	seen   stamp // at the last look
	loaded stamp // what was loaded, or tried
}

// stamp tells versions of a file apart.
type stamp struct {
	size int64
	time time.Time
}

func (w *pluginWatch) run(ctx context.Context) {
	if w.path == "" {
		return
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look()
		}
	}
}

// look loads the plugin if it is another one than the last time and was the same
// at the last two looks: whoever writes it is done.
func (w *pluginWatch) look() {
	now, err := stampOf(w.path)
	before := w.seen
	w.seen = now
	if err == nil && now == before && now != w.loaded {
		w.load(now)
	}
}

// check loads the plugin if it is there, without waiting.
func (w *pluginWatch) check() {
	if w.path == "" {
		return
	}
	if now, err := stampOf(w.path); err == nil {
		w.seen = now
		w.load(now)
	} else if !errors.Is(err, fs.ErrNotExist) {
		w.log.Error("hotreload: the plugin cannot be read", "error", err)
	}
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.Size(), info.ModTime()}, nil
}

func (w *pluginWatch) load(now stamp) {
	w.loaded = now
	number := w.number
	w.number++
	private := filepath.Join(w.private, fmt.Sprintf("%06d.so", number))
	if err := copyFile(private, w.path); err != nil {
		w.log.Error("hotreload: the plugin cannot be copied", "error", err)
		return
	}
	result, err := w.loader.load(control.LoadRequest{Generation: number, Plugin: private, Hot: w.hot})
	if err != nil {
		w.log.Error("hotreload: the plugin was not loaded", "error", err)
		return
	}
	w.report(result)
}

func (w *pluginWatch) startLinked(register func(*RouteSink)) error {
	number := w.number
	w.number++
	result := w.loader.start(number, "", w.hot, register)
	if result.Outcome != control.OutcomeLive {
		return &RegistrationError{result.Diagnostics}
	}
	return nil
}

func (w *pluginWatch) report(result control.LoadResult) {
	for _, d := range result.Diagnostics {
		level := slog.LevelError
		if d.Severity != manifest.SeverityError {
			level = slog.LevelWarn
		}
		w.log.Log(context.Background(), level, d.String())
	}
	switch result.Outcome {
	case control.OutcomeLive:
		w.log.Info("a new generation is live", "generation", result.Generation, "routes", len(result.Manifest.Routes))
	case control.OutcomeBreak, control.OutcomeMismatch:
		w.log.Warn("this change needs a restart of the process", "generation", result.Generation)
	default:
		w.log.Warn("the last good generation keeps serving", "generation", result.Generation)
	}
}

// copyFile copies what the file at from, or where its link leads, holds now.
func copyFile(to, from string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}
