package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/console"
	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

// ctl are the commands for a running engine.
func (p *program) ctl() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ctl",
		Short: "Look at and steer a running anvil-lsp",
		Long: `Look at and steer the anvil-lsp that runs in a directory: that of --dir, else the
current one or the closest above it. All of them end with exit code 1 if none
runs there, or if what was asked for could not be done.`,
		Example: `  anvil-lsp ctl status
  anvil-lsp ctl rollback --dir examples/blog
  anvil-lsp ctl status --json | jq .generation`,
		RunE: help,
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.PersistentFlags().StringVar(&dir, "dir", "", "`DIR` that anvil-lsp --serve was started with")
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print JSON")
	_ = cmd.RegisterFlagCompletionFunc("dir", completeDirs) // fails for unknown flags only

	// order makes a command that ends in an event.
	order := func(use, short, long, example, path string, args cobra.PositionalArgs,
		body func([]string) (any, error)) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Long: long, Example: example, Args: args, ValidArgsFunction: cobra.NoFileCompletions,
			RunE: func(cmd *cobra.Command, args []string) error {
				in, err := body(args)
				if err != nil {
					return err
				}
				r, s, err := p.find(cmd.Context(), dir)
				if err != nil {
					return err
				}
				return r.ask(cmd.Context(), path, in, p.face(s.Dir, faceOptions{json: asJSON, brief: true}))
			},
		}
	}
	nothing := func([]string) (any, error) { return nil, nil }
	var fresh bool
	restart := order("restart", "Restart the application on the same socket",
		"Restart the application from the code as it is now, on the same socket: no connection is refused. Keyed state "+
			"is handed over, as in docs/state.md; with --fresh it is not.",
		"  anvil-lsp ctl restart\n  anvil-lsp ctl restart --fresh", control.PathRestart, noArgs, func([]string) (any, error) {
			return control.RestartRequest{Fresh: fresh}, nil
		})
	restart.Flags().BoolVar(&fresh, "fresh", false, "begin without the state of the running process")
	cmd.AddCommand(
		&cobra.Command{
			Use: "status", Short: "Show what is live, and what is wrong", Args: noArgs,
			ValidArgsFunction: cobra.NoFileCompletions,
			Example:           "  anvil-lsp ctl status\n  anvil-lsp ctl status --json",
			RunE: func(cmd *cobra.Command, _ []string) error {
				_, s, err := p.find(cmd.Context(), dir)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(p.stdout, s)
				}
				return console.Status(console.Options{Out: p.stdout, Color: paint.Wanted(p.stdout), Dir: p.dir,
					Source: golist.ReadSource(s.Dir)}, s, time.Now())
			},
		},
		p.log(&dir, &asJSON),
		order("reload", "Build and load the code as it is now", "Build and load the code as it is now, changed or not.",
			"  anvil-lsp ctl reload", control.PathReload, noArgs, nothing),
		restart,
		order("rollback [N]", "Make an earlier generation live again",
			"Make generation N live again, or the one before the live one. The files stay; the next save builds them.",
			"  anvil-lsp ctl rollback\n  anvil-lsp ctl rollback 4", control.PathRollback, maxArgs(1), rollback),
		&cobra.Command{
			Use: "stop", Short: "End the application and its anvil-lsp", Args: noArgs,
			ValidArgsFunction: cobra.NoFileCompletions,
			Example:           "  anvil-lsp ctl stop --dir examples/blog",
			RunE: func(cmd *cobra.Command, _ []string) error {
				r, s, err := p.find(cmd.Context(), dir)
				if err != nil {
					return err
				}
				return r.stop(cmd.Context(), s)
			},
		},
	)
	return cmd
}

func rollback(args []string) (any, error) {
	var r control.RollbackRequest
	if len(args) > 0 {
		n, err := generationNumber(args[0])
		if err != nil {
			return nil, err
		}
		r.Generation = n
	}
	return r, nil
}

// stop ends an engine and waits until it is gone.
func (r *remote) stop(ctx context.Context, s *control.Status) error {
	if err := r.client.Post(ctx, control.PathStop, nil, nil); err != nil {
		return r.explain(err)
	}
	for !r.gone(s.PID) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// gone reports whether the engine with a process id has ended: it removes its socket last, once the
// application is gone and the address is free. One that was killed leaves the socket, but not the
// process.
func (r *remote) gone(pid int) bool {
	if _, err := os.Lstat(engine.SocketPath(r.dir)); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return true
	}
	return errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// printJSON writes a value for programs and people alike.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(visible.JSON(w))
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}
