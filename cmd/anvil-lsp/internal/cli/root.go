package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
)

// maxHelp is how wide help is at most, in columns: longer lines are hard to read.
const maxHelp = 100

// root is the command itself: --serve, the language server, or help where a person asks.
func (p *program) root() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "anvil-lsp --serve [DIR] [-- ARG...]",
		Short: "Save a Go handler, and the running server has it",
		Long: `anvil-lsp hot-reloads Go web applications. It builds and runs the application
in DIR (by default the current directory) and follows its files: when a handler
is saved, only that code is compiled and loaded into the running process.
Connections, sessions, pools and everything else in the Container stay. What
cannot be swapped restarts the process on the same socket, and code with errors
leaves the last good version running.

A second anvil-lsp for the same directory attaches to the first one. In a
terminal, h and Enter list what can be typed: reload, restart, roll back, open
the browser, quit.

Without --serve and a command it is a language server on standard input and
output: editors start it so.`,
		Example: `  anvil-lsp init hello && anvil-lsp --serve hello
  anvil-lsp --serve --addr 127.0.0.1:0
  anvil-lsp --serve examples/blog -- -db /tmp/blog.db
  anvil-lsp --serve --once --json`,
		Version:               buildVersion().Version,
		Args:                  cobra.ArbitraryArgs,
		ValidArgsFunction:     completeDirs,
		SilenceUsage:          true,
		SilenceErrors:         true,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.stdio && (f.serve || len(args) > 0) {
				return usagef("--stdio: the language server takes no arguments and no --serve")
			}
			if !f.serve {
				if set := flagsSet(cmd); !f.stdio && len(set) > 0 && len(args) == 0 {
					return usagef("%s: only with --serve", strings.Join(set, ", "))
				}
				if f.stdio || len(args) == 0 && !paint.IsTerminal(p.stdin) {
					return p.languageServer(cmd.Context())
				}
				return help(cmd, args)
			}
			if err := f.parse(cmd, args); err != nil {
				return err
			}
			return p.serve(cmd.Context(), f)
		},
	}
	f.define(cmd)
	cmd.SuggestionsMinimumDistance = 2
	cmd.SetOut(p.stdout)
	cmd.SetErr(p.stderr)
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), ".FlagUsages",
		fmt.Sprintf(".FlagUsagesWrapped %d", min(paint.Width(p.stdout), maxHelp))))
	cmd.SetVersionTemplate(buildVersion().String() + "\n")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	cmd.AddCommand(p.initProject(), p.doctor(), p.check(), p.routes(), p.manifestCommands(), p.ctl(), p.trust(),
		p.version())
	cmd.InitDefaultHelpCmd()
	for _, c := range cmd.Commands() {
		if c.Name() == "help" {
			c.RunE = helpAbout // cobra's own shows the root's help for an unknown command
		}
	}
	return cmd
}

// helpAbout is what the command help does.
func helpAbout(c *cobra.Command, args []string) error {
	about, rest, err := c.Root().Find(args)
	if err != nil {
		return &usageError{err}
	}
	if len(rest) > 0 {
		return usagef("%s", unknownCommand(about, rest[0]))
	}
	about.InitDefaultHelpFlag()
	about.InitDefaultVersionFlag()
	return about.Help()
}

// unknownCommand says that a command has no such subcommand, and what may have been meant.
func unknownCommand(cmd *cobra.Command, name string) string {
	text := fmt.Sprintf("unknown command %q for %q", name, cmd.CommandPath())
	if s := cmd.SuggestionsFor(name); len(s) > 0 {
		text += "; did you mean " + strings.Join(s, " or ") + "?"
	}
	return text
}

// help is what a command does that does nothing by itself.
func help(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		text := unknownCommand(cmd, args[0])
		if !cmd.HasParent() && len(cmd.SuggestionsFor(args[0])) == 0 {
			text += fmt.Sprintf("; to run an application: %s --serve %s", cmd.CommandPath(), args[0])
		}
		return usagef("%s", text)
	}
	return cmd.Help()
}

// flagsSet returns the flags that the user gave, sorted.
func flagsSet(cmd *cobra.Command) []string {
	var set []string
	cmd.Flags().Visit(func(f *pflag.Flag) { set = append(set, "--"+f.Name) })
	slices.Sort(set)
	return set
}
