package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/lspserver/trust"
)

// trust is the command for whose code editors may run.
func (p *program) trust() *cobra.Command {
	var list, forget, never, asJSON bool
	cmd := &cobra.Command{
		Use:   "trust [DIR]",
		Short: "Say whose code editors may build and run",
		Long: `Let editors build and run the code in DIR, by default the current directory, and
below it. Until you have said so the language server builds, runs and writes
nothing there; it asks once, if the editor can show a question.

The answers are kept in the user's configuration directory. Of several the
innermost counts. Commands that are given a directory, such as --serve, run what
is there without one, and keep none.`,
		Example:           "  anvil-lsp trust ~/src/shop\n  anvil-lsp trust --list\n  anvil-lsp trust --forget ~/src/shop",
		Args:              maxArgs(1),
		ValidArgsFunction: completeDirs,
		RunE: func(_ *cobra.Command, args []string) error {
			chosen := 0
			for _, on := range []bool{list, forget, never} {
				if on {
					chosen++
				}
			}
			if chosen > 1 || list && len(args) > 0 || asJSON && !list {
				return usagef("trust takes one of --never, --forget and --list, which takes no DIR; --json is for --list")
			}
			store, err := trust.User()
			if err != nil {
				return err
			}
			if list {
				return p.listTrust(store, asJSON)
			}
			return p.setTrust(store, trust.Canonical(p.abs(first(args))), forget, never)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&never, "never", false, "let nothing in DIR be run, and have editors ask no more")
	cmd.Flags().BoolVar(&forget, "forget", false, "take back what was said about DIR: editors ask again")
	cmd.Flags().BoolVar(&list, "list", false, "list what was said")
	cmd.Flags().BoolVar(&asJSON, "json", false, "with --list, print JSON")
	return cmd
}

func (p *program) setTrust(store *trust.Store, dir string, forget, never bool) error {
	said := "editors may build and run the code in " + dir
	switch {
	case forget:
		was, err := store.Forget(dir)
		if err != nil {
			return err
		}
		said = "nothing was said about " + dir
		if was {
			said = "editors ask again before they run the code in " + dir
		}
		if e := store.Of(dir); e.Answer != trust.None {
			said += fmt.Sprintf("; still said is %s, about %s", e.Answer, e.Directory)
		}
	case never:
		if err := store.Set(dir, trust.Never); err != nil {
			return err
		}
		said = "editors run no code in " + dir
	default:
		if err := store.Set(dir, trust.Run); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(p.stdout, visible.Line(said))
	return err
}

func (p *program) listTrust(store *trust.Store, asJSON bool) error {
	entries, err := store.List()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(p.stdout, entries)
	}
	for _, e := range entries {
		if _, err := fmt.Fprintf(p.stdout, "%-5s  %s\n", e.Answer, visible.Line(e.Directory)); err != nil {
			return err
		}
	}
	return nil
}
