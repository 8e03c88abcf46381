// Package cli is the command line: it reads flags, wires the rooms together and turns what happened
// into an exit code.
//
// Exit codes: 0 when all went well, 1 when something failed, 2 when the command line is at fault.
// Commands that answer a question, check and manifest diff, have codes of their own. What is worth
// knowing goes to standard output, complaints go to standard error.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/console"
	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// server is what --serve needs of an engine.
type server interface {
	Run(context.Context) error
	Events() *transport.Stream[control.Event]
}

// checkFunc is checkCode, but in tests.
type checkFunc func(
	context.Context, build.Config, *manifest.Manifest, engine.BreakPolicy, build.Progress,
) (*engine.CheckResult, error)

// program is one run of the command.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	dir            string // working directory
	invocation     string // how the user calls this program
	newEngine      func(context.Context, engine.Options) (server, error)
	checkCode      checkFunc
	// patience is how long to wait for an engine that holds the lock but does not answer: it may be
	// about to start, or to end.
	patience time.Duration
}

// Main runs the program with the arguments and streams of the process, and returns its exit code.
// The first interrupt ends it in good order, the second at once.
func Main() int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	context.AfterFunc(ctx, stop) // from then on a signal does what it does by default
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintf(os.Stderr, "anvil-lsp: the working directory: %v\n", err)
		return exitFailure
	}
	p := &program{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, dir: dir, invocation: invocation(os.Args[0], dir),
		patience: 10 * time.Second,
		newEngine: func(ctx context.Context, o engine.Options) (server, error) {
			if err := lookForCode(o); err != nil {
				return nil, err
			}
			return engine.New(ctx, o)
		},
		checkCode: checkCode,
	}
	return p.run(ctx, os.Args[1:])
}

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// errReported ends the program with exitFailure without another word: the user has seen what is
// wrong.
var errReported = errors.New("already reported")

// exitError ends the program with an exit code, without another word.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// annotationTrouble is the key under which a command keeps the exit code for everything that keeps
// it from its answer.
const annotationTrouble = "trouble"

// troubleCode returns the exit code for an error of a command.
func troubleCode(cmd *cobra.Command, err error) int {
	if code, convErr := strconv.Atoi(cmd.Annotations[annotationTrouble]); convErr == nil {
		return code
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	return exitFailure
}

func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errReported) {
		return exitFailure
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	s := paint.New(paint.Wanted(p.stderr))
	fmt.Fprintf(p.stderr, "%s %s\n", s.Red("anvil-lsp:"), visible.Text(err.Error()))
	if _, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(p.stderr, "Run '%s --help' for usage.\n", cmd.CommandPath())
	}
	return troubleCode(cmd, err)
}

// noArgs and maxArgs are cobra's, as usage errors.
func noArgs(cmd *cobra.Command, args []string) error { return maxArgs(0)(cmd, args) }

func maxArgs(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > n {
			return usagef("unexpected argument %q", args[n])
		}
		return nil
	}
}

// completeDirs makes the shell complete directories, for the first argument.
func completeDirs(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// first returns the first argument, or "." if there is none.
func first(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

// face is where events are shown: a console or lines of JSON.
type face struct {
	console.Reporter
	text *console.Console // nil for JSON
	p    *program
}

// faceOptions say how events are shown.
type faceOptions struct {
	json, verbose bool
	brief         bool // single events, without the routes
	keys          bool // the user can type commands
}

// face returns the one for an application's directory, as the user named it.
func (p *program) face(app string, o faceOptions) *face {
	if o.json {
		return &face{Reporter: console.NewJSON(p.stdout), p: p}
	}
	routes, restart := p.invocation+" routes", p.invocation+" ctl restart"
	if app != "." {
		routes += " " + app
		restart += " --dir " + app
	}
	c := console.New(console.Options{
		Out: p.stdout, Terminal: paint.IsTerminal(p.stdout), Color: paint.Wanted(p.stdout),
		Width: func() int { return paint.Width(p.stdout) },
		Dir:   p.dir, Source: golist.ReadSource(p.abs(app)), App: app, Version: buildVersion().Version, RoutesCommand: routes,
		RestartCommand: restart,
		Brief:          o.brief, Verbose: o.verbose, Keys: o.keys,
	})
	return &face{Reporter: c, text: c, p: p}
}

// note tells the user something that does not come from an event.
func (f *face) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if f.text != nil {
		f.text.Note(text)
		return
	}
	fmt.Fprintf(f.p.stderr, "anvil-lsp: %s\n", visible.Text(text))
}

// outputs returns where the live server's output goes. Lines of JSON have standard output for
// themselves.
func (f *face) outputs() (stdout, stderr io.Writer) {
	if f.text == nil {
		return f.p.stderr, f.p.stderr
	}
	return f.text.Pass(f.p.stdout, true), f.text.Pass(f.p.stderr, sameFile(f.p.stdout, f.p.stderr))
}

// sameFile reports whether two streams end up in the same place.
func sameFile(a, b io.Writer) bool {
	x, ok1 := a.(*os.File)
	y, ok2 := b.(*os.File)
	if !ok1 || !ok2 {
		return false
	}
	xs, err1 := x.Stat()
	ys, err2 := y.Stat()
	return err1 == nil && err2 == nil && os.SameFile(xs, ys)
}
