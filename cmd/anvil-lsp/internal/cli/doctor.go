package cli

import (
	"github.com/spf13/cobra"
	"os"
	"path/filepath"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/doctor"
	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

func (p *program) doctor() *cobra.Command {
	o := doctor.Options{Socket: engine.SocketPath}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [DIR]",
		Short: "Examine this machine and an application",
		Long: `Examine whether this machine can build and load plugins and whether the
application in DIR compiles and can be hot-reloaded, and say what to do where they
cannot.

Then list which packages of the workspace are hot, so that a save swaps them into
the running program, and which are host packages, whose edits restart it. A
package is a host package if main imports it otherwise than through the handlers
package; the import chain that makes it so is shown.

The exit code is 1 if something fails.`,
		Example:           "  anvil-lsp doctor\n  anvil-lsp doctor examples/blog\n  anvil-lsp doctor --json | jq .boundary",
		Args:              maxArgs(1),
		ValidArgsFunction: completeDirs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Dir = p.abs(first(args))
			if cache, err := os.UserCacheDir(); err == nil {
				o.CacheDir = filepath.Join(cache, "anvil-lsp")
			}
			var end func()
			o.Progress, end = p.progress("examining")
			r, err := doctor.Run(cmd.Context(), o)
			end()
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(p.stdout, r)
			} else {
				err = doctor.Print(p.stdout, paint.Wanted(p.stdout), p.dir, r)
			}
			if err == nil && !r.OK() {
				err = errReported
			}
			return err
		},
	}
	cmd.Flags().StringVar(&o.Main, "main", "", "main `PACKAGE`, as for --serve")
	cmd.Flags().StringSliceVar(&o.Tags, "tags", nil, "build `TAGS`, as for --serve")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
