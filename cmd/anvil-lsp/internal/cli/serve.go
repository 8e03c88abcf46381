package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/launch"
)

// serveFlags are the flags and arguments of --serve.
type serveFlags struct {
	serve, stdio, race, debug, fullLink, json, once, verbose bool
	addr, main, cwd, onBreak                                 string
	tags, assets                                             []string
	startTimeout                                             time.Duration

	dir  string
	args []string // of the live server
	set  []string // flags that a running engine would not heed
}

func (f *serveFlags) define(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.BoolVar(&f.serve, "serve", false, "build, run and hot-reload the application in DIR")
	fl.BoolVar(&f.stdio, "stdio", false, "speak the Language Server Protocol on standard input and output")
	fl.StringVar(&f.addr, "addr", "", "loopback `ADDRESS` to serve on, port 0 for any free one (default: the one that "+
		"main names, or 127.0.0.1:8080; if it is taken, a free port from 8080 on)")
	fl.StringVar(&f.main, "main", "", "main `PACKAGE`, if DIR holds several: import path or directory below DIR")
	fl.StringVar(&f.cwd, "cwd", "", "`DIRECTORY` that the application runs in (default: the root of its module)")
	fl.StringSliceVar(&f.tags, "tags", nil, "build `TAGS`, separated by commas")
	fl.StringSliceVar(&f.assets, "assets", nil, "`PATHS` of embedded files, or directories of them, that the "+
		"application reads from the disk in development, relative to DIR; an edit there restarts nothing")
	fl.BoolVar(&f.race, "race", false, "build with the race detector")
	fl.BoolVar(&f.debug, "debug", false, "build for a debugger: with debug information, without optimizations")
	fl.BoolVar(&f.fullLink, "full-link", false, "link every plugin fully: slower, and each takes megabytes")
	fl.StringVar(&f.onBreak, "on-break", onBreakRestart,
		"`POLICY` for a change that needs a restart: restart, ask, keep or swap; ask and keep serve the old code until "+
			"'anvil-lsp ctl restart'")
	fl.DurationVar(&f.startTimeout, "start-timeout", 30*time.Second,
		"`DURATION` that the application may take to start, such as 90s or 2m")
	fl.BoolVar(&f.verbose, "verbose", false, "show hints, predictions and the steps of each reload, too")
	fl.BoolVar(&f.json, "json", false, "print events as JSON lines; the application's output goes to standard error")
	fl.BoolVar(&f.once, "once", false, "build, load, report and end; exit code 0 if the application went live")
	noFiles := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, name := range []string{"addr", "tags"} {
		_ = cmd.RegisterFlagCompletionFunc(name, noFiles) // fails for unknown flags only
	}
	for _, name := range []string{"main", "cwd"} {
		_ = cmd.RegisterFlagCompletionFunc(name, completeDirs)
	}
	completeOnBreak(cmd)
}

// parse checks the flags and takes the arguments apart.
func (f *serveFlags) parse(cmd *cobra.Command, args []string) error {
	if n := cmd.ArgsLenAtDash(); n >= 0 {
		args, f.args = args[:n], args[n:]
	}
	if len(args) > 1 {
		return usagef("unexpected argument %q: --serve takes one DIR, and arguments for the application after --", args[1])
	}
	f.dir = first(args)
	if f.addr != "" {
		host, _, err := net.SplitHostPort(f.addr)
		if err != nil {
			return usagef("--addr %s: an address looks like 127.0.0.1:8080, localhost:0 or :8080", f.addr)
		}
		if ip, err := netip.ParseAddr(host); err == nil && !ip.Unmap().IsLoopback() { // names are looked up later
			return usagef("--addr %s: %w: the live server can do whatever you can, so it listens on this machine only", f.addr,
				launch.ErrNotLoopback)
		}
	}
	if f.startTimeout < time.Second {
		return usagef("--start-timeout %v: it is a duration of a second or more, such as 90s or 2m", f.startTimeout)
	}
	if _, err := breakPolicy(f.onBreak); err != nil {
		return err
	}
	ours := []string{"--serve", "--json", "--once", "--verbose"} // what concerns this terminal only
	f.set = slices.DeleteFunc(flagsSet(cmd), func(s string) bool { return slices.Contains(ours, s) })
	if len(f.args) > 0 {
		f.set = append(f.set, "-- "+strings.Join(f.args, " "))
	}
	return nil
}

// onBreakRestart is the name of the default policy for breaks.
const onBreakRestart = "restart"

func completeOnBreak(cmd *cobra.Command) {
	words := []string{onBreakRestart, string(engine.BreakAsk), string(engine.BreakKeep), string(engine.BreakSwap)}
	// fails for unknown flags only
	_ = cmd.RegisterFlagCompletionFunc("on-break", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// breakPolicy returns what a value of --on-break means.
func breakPolicy(word string) (engine.BreakPolicy, error) {
	switch policy := engine.BreakPolicy(word); policy {
	case onBreakRestart:
		return engine.BreakRestart, nil
	case engine.BreakAsk, engine.BreakKeep, engine.BreakSwap:
		return policy, nil
	}
	return "", usagef("--on-break %s: it is restart, ask, keep or swap", word)
}

// workDir returns the directory that --cwd names, absolute.
func (p *program) workDir(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	abs := p.abs(dir)
	if st, err := os.Stat(abs); err != nil {
		return "", usagef("--cwd %s: %w", dir, err)
	} else if !st.IsDir() {
		return "", usagef("--cwd %s: it is not a directory", dir)
	}
	return abs, nil
}

// assets reports paths of --assets that there are not.
func (p *program) assets(dir string, paths []string) error {
	for _, path := range paths {
		at := path
		if !filepath.IsAbs(at) {
			at = filepath.Join(p.abs(dir), at)
		}
		if _, err := os.Stat(at); err != nil {
			return usagef("--assets %s: %w", path, err)
		}
	}
	return nil
}

// serve runs an engine, or attaches to the one that runs in the directory and takes over when that
// ends by itself.
func (p *program) serve(ctx context.Context, f serveFlags) error {
	keys := !f.json && !f.once && paint.IsTerminal(p.stdin) && paint.IsTerminal(p.stdout)
	face := p.face(f.dir, faceOptions{json: f.json, verbose: f.verbose, keys: keys})
	policy, err := breakPolicy(f.onBreak)
	if err != nil {
		return err
	}
	cwd, err := p.workDir(f.cwd)
	if err != nil {
		return err
	}
	if err := p.assets(f.dir, f.assets); err != nil {
		return err
	}
	o := engine.Options{
		Dir: p.abs(f.dir), Cwd: cwd, Main: f.main, Addr: f.addr, Tags: f.tags, Assets: f.assets, Race: f.race, Debug: f.debug,
		FullLink: f.fullLink, OnBreak: policy, StartTimeout: f.startTimeout,
		Args: f.args, Version: buildVersion().Version,
	}
	if cache, err := os.UserCacheDir(); err == nil { // else plugins are tried each time
		o.CacheDir = filepath.Join(cache, "anvil-lsp")
	}
	o.Stdout, o.Stderr = face.outputs()
	o.Color = !f.json && paint.Wanted(p.stdout)
	if keys {
		var stop context.CancelFunc
		ctx, stop = context.WithCancel(ctx)
		defer stop()
		p.readKeys(ctx, o.Dir, face, stop)
	}
	limit := time.NewTimer(p.patience)
	defer limit.Stop()
	for {
		srv, err := p.newEngine(ctx, o)
		switch {
		case ctx.Err() != nil:
			return errReported
		case errors.Is(err, launch.ErrNotLoopback):
			return &usageError{err}
		case err != nil && !errors.Is(err, engine.ErrInUse):
			return err
		case err == nil:
			return follow(ctx, srv, face, f.once)
		}
		// The lock is held. Whoever holds it answers, or is just starting, or has just ended.
		r := connect(o.Dir)
		status, silent := r.status(ctx)
		if silent == nil {
			if err := otherProgram(status, f.main); err != nil {
				return err
			}
			if err := p.attach(ctx, r, status, face, f); !errors.Is(err, errEngineEnded) {
				return err
			}
			face.note("the other anvil-lsp has ended; this one goes on in its place")
			limit.Reset(p.patience)
			continue
		}
		select {
		case <-ctx.Done():
			return errReported
		case <-limit.C:
			return fmt.Errorf("%w, and does not answer (%w); end it, then try again", err, silent)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// follow runs an engine and shows its events until it ends.
func follow(ctx context.Context, srv server, face *face, once bool) error {
	defer context.AfterFunc(ctx, func() { face.note("stopping; once more ends it at once") })()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	listen := context.WithoutCancel(ctx) // what happens on the way out is shown, too
	events := srv.Events().Subscribe(listen)
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()

	live := false
	for again := true; again; {
		again = false
		for ev := range events {
			face.Event(ev)
			again = ev.Kind != control.EventStopped
			if good, final := buildEnds(ev); once && final {
				live = live || good
				stop()
			}
		}
		if again { // cut off: this terminal was held up, and the engine does not wait
			face.Event(control.Event{Time: time.Now(), Kind: control.EventWarning,
				Message: "events came faster than they could be shown; some are missing"})
			events = srv.Events().Subscribe(listen)
		}
	}
	if err := <-ended; err != nil {
		return err
	}
	if once && !live {
		return errReported
	}
	return nil
}

// buildEnds says whether an event ends a build, and how.
func buildEnds(ev control.Event) (good, final bool) {
	switch ev.Kind {
	case control.EventLive, control.EventRolledBack, control.EventUnchanged:
		return true, true
	case control.EventKept, control.EventAsking, control.EventExited, control.EventStopped:
		return false, true
	}
	return false, false
}
