package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

// log is the command that prints what the application of an engine has printed. dir and asJSON are
// flags of ctl.
func (p *program) log(dir *string, asJSON *bool) *cobra.Command {
	lines, follow := -1, false
	cmd := &cobra.Command{
		Use: "log", Short: "Print what the application has printed", Args: noArgs, ValidArgsFunction: cobra.NoFileCompletions,
		Long: `Print what the application has printed last, byte for byte, standard output and
standard error together: up to 256 KB of it, across reloads and restarts. With
--json it is one object a line, {"line": TEXT}.`,
		Example: "  anvil-lsp ctl log -n 20\n  anvil-lsp ctl log --follow --dir examples/blog",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if lines < 0 && cmd.Flags().Changed("lines") {
				return usagef("--lines %d: must not be negative", lines)
			}
			r, _, err := p.find(cmd.Context(), *dir)
			if err != nil {
				return err
			}
			show := copyRaw
			if *asJSON {
				show = copyLines
			}
			return r.log(cmd.Context(), p.stdout, lines, follow, show)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is printed from now on, until anvil-lsp ends")
	cmd.Flags().IntVarP(&lines, "lines", "n", -1, "only the last `N` lines (default all that is kept)")
	cmd.Flags().Lookup("lines").DefValue = "0" // which help leaves out
	return cmd
}

// log shows what the live servers of the engine have printed. What is followed ends with the
// engine, which is not an error.
func (r *remote) log(
	ctx context.Context, out io.Writer, lines int, follow bool, show func(io.Writer, io.Reader) error,
) error {
	body, err := r.client.Read(ctx, control.LogPath(lines, follow))
	if err != nil {
		if problem, ok := errors.AsType[*control.Problem](err); ok && problem.Status == http.StatusNotFound {
			return fmt.Errorf("the anvil-lsp that runs in %s is too old: it does not keep what the application prints", r.dir)
		}
		return r.explain(err)
	}
	defer body.Close()
	if err := show(out, body); err != nil && !follow && ctx.Err() == nil {
		return fmt.Errorf("reading what the application has printed: %w", err)
	}
	return nil
}

func copyRaw(out io.Writer, in io.Reader) error {
	_, err := io.Copy(out, in)
	return err
}

// copyLines writes each line as an object; a very long one as several.
func copyLines(out io.Writer, in io.Reader) error {
	enc := json.NewEncoder(visible.JSON(out))
	enc.SetEscapeHTML(false)
	for lines := bufio.NewReaderSize(in, 64<<10); ; {
		line, _, err := lines.ReadLine()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := enc.Encode(struct {
			Line string `json:"line"`
		}{string(line)}); err != nil {
			return err
		}
	}
}
