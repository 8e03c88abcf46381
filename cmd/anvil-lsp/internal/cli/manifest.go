package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/console"
	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

// Exit codes of manifest diff.
const (
	exitDiffers = 1
	exitNoDiff  = 2
)

// manifestDiff is what `manifest diff --json` prints.
type manifestDiff struct {
	From    int              `json:"from"` // generation
	To      int              `json:"to"`
	Changes manifest.Changes `json:"changes"`
}

// manifestCommands are the commands for manifests. They read files: it does not matter whether an
// engine runs.
func (p *program) manifestCommands() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "manifest",
		Short: "Show and compare what generations registered",
		Long: `Show and compare manifests: what a generation registered, which state it holds,
and what the running program was built from. The one that is live, or was last,
is in .anvil/manifest.json, and the last few of a run are in .anvil/history, in
the directory of --dir, else in the current one or the closest above it.`,
		Example: "  anvil-lsp manifest show\n  anvil-lsp manifest diff 3",
		RunE:    help,
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.PersistentFlags().StringVar(&dir, "dir", "", "`DIR` of the application")
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print JSON")
	_ = cmd.RegisterFlagCompletionFunc("dir", completeDirs) // fails for unknown flags only

	cmd.AddCommand(
		&cobra.Command{
			Use: "show [N]", Short: "Show the manifest of a generation", Args: maxArgs(1),
			ValidArgsFunction: cobra.NoFileCompletions,
			Long: "Show the manifest of generation N, or of the one that is live or was last.\n\nWhat --json prints is " +
				"what check takes with --against; docs/manifest.schema.json describes it.",
			Example: "  anvil-lsp manifest show\n  anvil-lsp manifest show 4\n  anvil-lsp manifest show --json > deployed.json",
			RunE: func(_ *cobra.Command, args []string) error {
				h, err := p.history(dir)
				if err != nil {
					return err
				}
				m := h.live
				if len(args) > 0 {
					if m, err = h.numbered(args[0]); err != nil {
						return err
					}
				}
				if asJSON {
					return printJSON(p.stdout, m)
				}
				return console.Manifest(p.stdout, paint.Wanted(p.stdout), p.dir, m)
			},
		},
		&cobra.Command{
			Use: "diff [N [M]]", Short: "Show in what two generations differ", Args: maxArgs(2),
			ValidArgsFunction: cobra.NoFileCompletions,
			Long: `Show what generation M registered otherwise than generation N: routes, signatures,
state, packages. Without M, the live generation is compared with N, without N with
the one before it. Where something was registered makes no difference.

Exit codes: 0 they are the same, 1 they differ, 2 there is no answer.`,
			Example:     "  anvil-lsp manifest diff\n  anvil-lsp manifest diff 3\n  anvil-lsp manifest diff 3 5 --json",
			Annotations: map[string]string{annotationTrouble: fmt.Sprint(exitNoDiff)},
			RunE: func(_ *cobra.Command, args []string) error {
				h, err := p.history(dir)
				if err != nil {
					return err
				}
				from, to, err := h.pair(args)
				if err != nil {
					return err
				}
				d := manifestDiff{From: from.Generation, To: to.Generation, Changes: manifest.Diff(from, to)}
				if asJSON {
					err = printJSON(p.stdout, d)
				} else {
					err = console.Changes(p.stdout, paint.Wanted(p.stdout), d.From, d.To, d.Changes)
				}
				if err == nil && !d.Changes.Empty() {
					err = exitError(exitDiffers)
				}
				return err
			},
		},
	)
	return cmd
}

// history are the manifests of an application.
type history struct {
	dir  string
	live *manifest.Manifest
	kept []int // generations of which there is a manifest, ascending
}

// history finds the manifests of a directory. If the user named none, directories above the current
// one are tried as well.
func (p *program) history(named string) (*history, error) {
	dir, live, err := p.lastManifest(named)
	if err != nil {
		return nil, err
	}
	kept, err := engine.Generations(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	return &history{dir: dir, live: live, kept: kept}, nil
}

// lastManifest reads the manifest that went live last, and returns the directory that it belongs
// to. The error wraps fs.ErrNotExist if there is none.
func (p *program) lastManifest(named string) (string, *manifest.Manifest, error) {
	for _, dir := range p.searchDirs(named) {
		m, err := engine.LastManifest(dir)
		switch {
		case err == nil:
			return dir, m, nil
		case errors.Is(err, outdir.ErrRefused):
			return "", nil, err
		case !errors.Is(err, fs.ErrNotExist):
			return "", nil, fmt.Errorf("%w; the next generation that goes live replaces it: %s --serve %s", err, p.invocation,
				dir)
		}
	}
	return "", nil, fmt.Errorf("no generation was live in %s yet; start with: %s --serve %s (%w)", p.abs(named),
		p.invocation, nameOr(named, "DIR"), fs.ErrNotExist)
}

// numbered returns the manifest of a generation that the user named.
func (h *history) numbered(number string) (*manifest.Manifest, error) {
	n, err := generationNumber(number)
	if err != nil {
		return nil, err
	}
	return h.generation(n)
}

func (h *history) generation(n int) (*manifest.Manifest, error) {
	m, err := engine.ManifestOf(h.dir, n)
	switch {
	case errors.Is(err, fs.ErrNotExist) && n == h.live.Generation:
		return h.live, nil
	case errors.Is(err, fs.ErrNotExist) && len(h.kept) == 0:
		return nil, fmt.Errorf("no manifest of generation %d: the history in %s is empty", n, h.dir)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("no manifest of generation %d: the history in %s has %s", n, h.dir,
			strings.Trim(fmt.Sprint(h.kept), "[]"))
	}
	return m, err
}

// pair returns the manifests that the arguments of diff mean.
func (h *history) pair(args []string) (from, to *manifest.Manifest, err error) {
	to = h.live
	if len(args) > 1 {
		if to, err = h.numbered(args[1]); err != nil {
			return nil, nil, err
		}
	}
	if len(args) > 0 {
		from, err = h.numbered(args[0])
		return from, to, err
	}
	before, _ := slices.BinarySearch(h.kept, to.Generation)
	if before == 0 {
		return nil, nil, fmt.Errorf("no manifest of a generation before %d, which is live, to compare with", to.Generation)
	}
	from, err = h.generation(h.kept[before-1])
	return from, to, err
}

// generationNumber reads the number of a generation.
func generationNumber(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, usagef("%q is not a generation: generations are numbered from 1", s)
	}
	return n, nil
}
