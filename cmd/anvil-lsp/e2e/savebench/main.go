// Command savebench measures how long a save takes in an application that runs
// under anvil-lsp, whoever wrote it.
//
// It edits the body of each function that is named, waits until the new code is
// live, and compares that with `go build` and with one run of the compiler. The
// variants take turns, so that what else the machine does hits all of them.
// What it edits it puts back, also when it is interrupted.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/e2e/internal/session"
)

const usage = `savebench measures how long saves take in an application that runs under anvil-lsp.

Usage:
  savebench [flags] DIR FUNC... [-- ARG...]
  savebench -touch [flags] DIR [-- ARG...]

DIR is the directory that anvil-lsp --serve would be given. Each FUNC names a
function whose body is edited, as Go's stack traces name them:

  handlers.Index                    package by name, by the end of its import
  internal/web.(*Server).Index      path, or by all of it
  example.com/app/store.Store.Get   (*T).M and T.M are the same
  main.run

A package that is swapped in and one that restarts the application are told
apart by what anvil-lsp does. ARGs are the application's.

For each function the table has medians, with the fastest and the slowest:
  save → live            from the write of the file to the event that says so
  after a restart        the same for the first save after a restart, where other
                         functions restart the application
  go build               of the same edit, with a warm cache
  go tool compile        of the edited package alone, by the command that go build
                         runs for it
  air                    from the write until the new process is started, if air is
                         in PATH; how long the application takes to listen is not in it
Then: how many links were thin, and what a generation adds to the memory of the
application, measured with a small heap (GOGC=10) in a run of its own. What of it
is not the plugin's is what the application itself does not let go: the values of
package-level variables, and what goroutines hold that do not end with their
generation.

With -touch one function of each hot package is edited once, and how each save was
linked is listed.

Flags:
`

// options are what the command line says.
type options struct {
	dir       string
	functions []string
	args      []string // the application's

	n       int
	main    string
	tags    string
	tool    string
	timeout time.Duration
	air     bool
	json    bool
	touch   bool
	quiet   bool

	generations int // that memory is measured with
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintln(os.Stderr, "savebench:", err)
		stop()
		os.Exit(1)
	}
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("savebench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.IntVar(&o.n, "n", 10, "how often each variant is measured")
	fs.StringVar(&o.main, "main", "", "main `package`, if DIR holds several: a directory below DIR, such as ./cmd/api")
	fs.StringVar(&o.tags, "tags", "", "build `tags`, separated by commas")
	fs.StringVar(&o.tool, "tool", "", "the anvil-lsp to measure (default: built from this checkout)")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute,
		"how long one save may take; the first build may take six times as long")
	fs.IntVar(&o.generations, "generations", 30,
		"how many generations the growth of memory is measured with; 0: not at all")
	fs.BoolVar(&o.air, "air", true, "measure air, if it is in PATH")
	fs.BoolVar(&o.touch, "touch", false, "edit one function of each hot package once, and list how the saves were linked")
	fs.BoolVar(&o.json, "json", false, "print JSON, with every sample")
	fs.BoolVar(&o.quiet, "q", false, "do not say on standard error how far it is")
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return options{}, err
	}
	rest := fs.Args()
	for i, arg := range rest {
		if arg == "--" {
			rest, o.args = rest[:i], rest[i+1:]
			break
		}
	}
	switch {
	case o.touch && len(rest) != 1:
		fs.Usage()
		return options{}, errors.New("with -touch, name a directory alone")
	case !o.touch && len(rest) < 2:
		fs.Usage()
		return options{}, errors.New("name a directory and at least one function")
	}
	if o.n < 1 {
		return options{}, errors.New("-n must be 1 at least")
	}
	var err error
	if o.dir, err = filepath.Abs(rest[0]); err != nil {
		return options{}, err
	}
	o.functions = rest[1:]
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "savebench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if o.tool == "" {
		o.tool = filepath.Join(work, "anvil-lsp")
		if err := session.BuildTool(ctx, o.tool); err != nil {
			return err
		}
	}
	b := &bench{options: o, work: work, say: func(format string, args ...any) {
		if !o.quiet {
			fmt.Fprintf(stderr, format+"\n", args...)
		}
	}}
	defer func() { err = errors.Join(err, b.restore()) }()
	var report interface{ write(w io.Writer) error }
	if o.touch {
		report, err = b.touch(ctx)
	} else {
		report, err = b.measure(ctx)
	}
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(stdout, report)
	}
	return report.write(stdout)
}

// writeJSON prints all of a report.
func writeJSON(w io.Writer, report any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(report)
}
