// Command replay makes the commits of an application's history on the running
// application, one after the other, while another process sends it requests.
//
// It counts what went wrong: requests that failed, and what anvil-lsp had
// predicted otherwise than it came.
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
	"strings"
	"syscall"
	"time"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/e2e/internal/session"
)

const usage = `replay makes commits of an application's history on the running application.

Usage:
  replay [flags] -to REV DIR [-- ARG...]

DIR is the directory that anvil-lsp --serve would be given, in a git work tree
without changes. The commits after -from up to -to, at most -n of them, are
picked one after the other on top of what is checked out; where they conflict
with it, it wins. So a branch can move the application to anvil-lsp at an old
commit, and the commits after that one be replayed:

  git switch -c hot v1.2 && (move it in) && git commit
  replay -from v1.2 -to main -n 40 -path /login .

They are picked in a work tree beside, and each is checked out in DIR as one
change. Afterwards the branch is checked out that was before. ARGs are the
application's.

A process of its own asks for the -paths all the while, half of its clients on a
new connection each time. A request has failed if it got no answer, or 502, 503
or 504; other answers of 500 and up are counted beside, since commits may be
broken.

The exit code is 1 if a request failed or a prediction was wrong.

Flags:
`

type options struct {
	dir     string
	args    []string
	from    string
	to      string
	n       int
	main    string
	tags    string
	tool    string
	paths   pathList
	rate    int
	quiet   time.Duration
	timeout time.Duration
	json    bool
}

// pathList is a flag that can be given several times.
type pathList []string

func (p *pathList) String() string     { return strings.Join(*p, ",") }
func (p *pathList) Set(s string) error { *p = append(*p, s); return nil }

// loadCommand is the first argument of the process that sends requests.
const loadCommand = "load-generator"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == loadCommand {
		if err := generateLoad(ctx, os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "replay:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("replay", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.to, "to", "", "last `commit` to replay")
	fs.StringVar(&o.from, "from", "",
		"`commit` before the first one to replay (default: where -to and what is checked out part)")
	fs.IntVar(&o.n, "n", 40, "how many commits at most; 0: all")
	fs.StringVar(&o.main, "main", "", "main `package`, if DIR holds several: a directory below DIR, such as ./cmd/api")
	fs.StringVar(&o.tags, "tags", "", "build `tags`, separated by commas")
	fs.StringVar(&o.tool, "tool", "", "the anvil-lsp to run (default: built from this checkout)")
	fs.Var(&o.paths, "path", "`path` to ask for; can be given several times (default /)")
	fs.IntVar(&o.rate, "rate", 50, "requests a second; 0: none")
	fs.DurationVar(&o.quiet, "quiet", 4*time.Second, "after how long without a sign of a build nothing is to be built")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute,
		"how long one commit may take; the first build may take six times as long")
	fs.BoolVar(&o.json, "json", false, "print JSON")
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return options{}, err
	}
	rest := fs.Args()
	if len(rest) > 1 && rest[1] == "--" {
		rest, o.args = rest[:1], rest[2:]
	}
	if len(rest) != 1 || o.to == "" {
		fs.Usage()
		return options{}, errors.New("name a directory, and the last commit with -to")
	}
	if len(o.paths) == 0 {
		o.paths = pathList{"/"}
	}
	var err error
	o.dir, err = filepath.Abs(rest[0])
	return o, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "replay-")
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
	self, err := os.Executable()
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }
	r := &replay{options: o, work: work, self: []string{self, loadCommand}, say: say}
	report, err := r.run(ctx)
	if err != nil {
		return err
	}
	if o.json {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = e.Encode(report)
	} else {
		err = report.write(stdout)
	}
	if err != nil {
		return err
	}
	return report.fault()
}
