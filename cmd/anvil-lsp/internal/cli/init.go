package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/scaffold"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

func (p *program) initProject() *cobra.Command {
	var modulePath string
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a new project",
		Long: `Make a new project in DIR, which must be new or empty: a main package, a handlers
package with routes of several kinds, a test and a README. It runs at once, and
without network if this anvil-lsp was built from a checkout.`,
		Example: "  anvil-lsp init hello\n  anvil-lsp init --module example.com/shop shop",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("init needs the DIR to make")
			}
			return maxArgs(1)(nil, args)
		},
		ValidArgsFunction: completeDirs,
		RunE: func(_ *cobra.Command, args []string) error {
			src, err := scaffold.FindSource()
			if err != nil {
				return err
			}
			res, err := scaffold.Init(scaffold.Options{Dir: p.abs(args[0]), Module: modulePath, Source: src})
			if errors.Is(err, scaffold.ErrModulePath) {
				return &usageError{err}
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(p.stdout, visible.Text(p.made(args[0], res)))
			return err
		},
	}
	cmd.Flags().StringVar(&modulePath, "module", "", "`PATH` of the Go module (default example.com/ and the name of DIR)")
	_ = cmd.RegisterFlagCompletionFunc("module", cobra.NoFileCompletions) // fails for unknown flags only
	return cmd
}

// made says what init made and what to do with it.
func (p *program) made(dir string, res *scaffold.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Made the module %s in %s:\n\n", res.Module, visible.Line(dir))
	dir = visible.Shell(dir)
	for _, f := range res.Files {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	b.WriteString("\nNext:\n\n")
	if res.Tidy {
		fmt.Fprintf(&b, "  go -C %s mod tidy\n", dir)
	}
	if res.Workspace != "" {
		fmt.Fprintf(&b, "  go -C %s work use .    # %s covers the directory\n", dir, res.Workspace)
	}
	fmt.Fprintf(&b, "  %s --serve %s\n\nOpen the address, edit handlers/handlers.go and save.\n", p.invocation, dir)
	return b.String()
}

// invocation returns how the user calls this program: as he did, or through `go run`, which leaves
// the executable in a place of no use.
func invocation(arg0, dir string) string {
	if !strings.Contains(filepath.ToSlash(arg0), "/go-build") {
		if filepath.IsAbs(arg0) || arg0 == "" {
			return "anvil-lsp"
		}
		return arg0
	}
	if st, err := os.Stat(filepath.Join(dir, "cmd", "anvil-lsp")); err == nil && st.IsDir() {
		return "go run ./cmd/anvil-lsp"
	}
	return "go run " + scaffold.ToolModule + "/cmd/anvil-lsp"
}
