package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/console"
	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/sarif"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

// Exit codes of check.
const (
	exitRestart  = 1
	exitRefused  = 2
	exitNoAnswer = 3
)

// checkFlags are the flags of check.
type checkFlags struct {
	json, sarif bool
	against     string
	onBreak     string
	cfg         build.Config
}

// checkResult is what `check --json` prints.
type checkResult struct {
	Rung manifest.Rung `json:"rung"`
	// Against is the file of the manifest that the code was compared with.
	Against     string                `json:"against,omitempty"`
	Generation  int                   `json:"generation,omitempty"` // of that manifest
	Diagnostics []manifest.Diagnostic `json:"diagnostics"`
	Unknown     []unknownRegistration `json:"unknown,omitempty"`
	// Manifest is what the code would register, as far as it can be known.
	Manifest *manifest.Manifest `json:"manifest,omitempty"`

	// Other is the generation that was live last, if it is of another program of the directory:
	// nothing is compared then.
	Other int `json:"other_program,omitempty"`
}

// unknownRegistration is a registration that source alone does not tell.
type unknownRegistration struct {
	manifest.Position
	Call   string `json:"call"`
	Reason string `json:"reason"`
}

func (p *program) check() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [DIR]",
		Short: "Say what a running server would do with the code as it is",
		Long: `Say, from source and without a running server, what a server that runs what a
manifest describes would do with the application in DIR (by default the current
directory): swap the code in, restart, or keep its old code. Compared are routes,
kept state, host packages, modules, GODEBUG defaults and the toolchain.

Without --against, that is the manifest of the generation that went live last in
DIR. If there is none, only what would not load is found: code that does not
compile, in whatever package of the program, and routes that cannot be
registered; so it is, too, if that generation is of another program of DIR. To
have a continuous integration compare, commit what 'manifest show --json'
prints. Hints are shown, but make no difference.

Exit codes: 0 the code would be swapped in, 1 it needs a restart, 2 it would not
load, 3 there is no answer: the command line is at fault, or the machine, or the
manifest cannot be read.

With --sarif, paths are relative to the current directory: run it in the root of
the checkout.`,
		Example: `  anvil-lsp check
  anvil-lsp check examples/blog --against deployed.json
  anvil-lsp check --sarif > anvil.sarif
  anvil-lsp check --json | jq -r '.diagnostics[].message'`,
		Args:              maxArgs(1),
		ValidArgsFunction: completeDirs,
		Annotations:       map[string]string{annotationTrouble: fmt.Sprint(exitNoAnswer)},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.json && f.sarif {
				return usagef("--json and --sarif: only one of them")
			}
			return p.runCheck(cmd.Context(), p.abs(first(args)), f)
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.against, "against", "", "manifest `FILE` to compare with (default DIR/.anvil/manifest.json)")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	fl.BoolVar(&f.sarif, "sarif", false, "print SARIF 2.1.0")
	fl.StringVar(&f.cfg.Main, "main", "", "main `PACKAGE`, as for --serve")
	fl.StringSliceVar(&f.cfg.Tags, "tags", nil, "build `TAGS`, as for --serve")
	fl.StringSliceVar(&f.cfg.Assets, "assets", nil, "`PATHS` of embedded files, as for --serve")
	fl.BoolVar(&f.cfg.Race, "race", false, "as for --serve")
	fl.StringVar(&f.onBreak, "on-break", onBreakRestart,
		"`POLICY` of the server, as for --serve: with swap, it would swap a changed signature in where that is safe")
	completeOnBreak(cmd)
	return cmd
}

// runCheck checks, prints, and returns the answer as an exit code.
func (p *program) runCheck(ctx context.Context, dir string, f checkFlags) error {
	dir, err := filepath.EvalSymlinks(dir) // the go command reports real paths
	if err != nil {
		return fmt.Errorf("application directory: %w", err)
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return fmt.Errorf("application directory: %s is not a directory", dir)
	}
	res := checkResult{}
	against, err := p.checkAgainst(dir, f.against, &res)
	if err != nil {
		return err
	}
	f.cfg.Dir = dir
	policy, err := breakPolicy(f.onBreak)
	if err != nil {
		return err
	}
	if err := p.assets(dir, f.cfg.Assets); err != nil {
		return err
	}
	progress, end := p.progress("checking")
	v, err := p.checkCode(ctx, f.cfg, against, policy, progress)
	if err == nil && against != nil && f.against == "" && !v.Describes(against) {
		// What was live last in the directory is another of its programs.
		res.Other = against.Generation
		res.Against, res.Generation = "", 0
		v, err = p.checkCode(ctx, f.cfg, nil, policy, progress)
	}
	end()
	if err != nil {
		return err
	}
	res.Rung, res.Diagnostics, res.Manifest = v.Rung, append([]manifest.Diagnostic{}, v.Diagnostics...), v.Manifest
	manifest.SortDiagnostics(res.Diagnostics)
	for _, u := range v.Unknown {
		res.Unknown = append(res.Unknown, unknownRegistration{Position: u.Position, Call: u.Call, Reason: u.Reason})
	}
	switch {
	case f.json:
		err = printJSON(p.stdout, res)
	case f.sarif:
		err = sarif.Write(p.stdout, sarif.Report{Version: buildVersion().Version, Dir: p.dir, Source: golist.ReadSource(dir),
			Rung: res.Rung, Diagnostics: res.Diagnostics})
	default:
		err = p.printCheck(dir, res)
	}
	if err != nil {
		return err
	}
	switch res.Rung {
	case manifest.RungHotSwap, "":
		return nil
	case manifest.RungWarmRestart:
		return exitError(exitRestart)
	}
	return exitError(exitRefused)
}

// checkAgainst reads the manifest to compare with. It is nil if the user named none and no
// generation was live yet.
func (p *program) checkAgainst(dir, named string, res *checkResult) (*manifest.Manifest, error) {
	file, read := engine.ManifestPath(dir), func() (*manifest.Manifest, error) { return engine.LastManifest(dir) }
	if named != "" {
		file = p.abs(named)
		read = func() (*manifest.Manifest, error) { return engine.ReadManifest(file) }
	}
	m, err := read()
	switch {
	case err == nil:
		res.Against, res.Generation = file, m.Generation
		return m, nil
	case named == "" && errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case named == "" && errors.Is(err, manifest.ErrFormat):
		return nil, fmt.Errorf("%w; the next generation that goes live replaces it (%s --serve %s); to compare with none, "+
			"remove it", err, p.invocation, dir)
	}
	return nil, err
}

// progress returns where the progress of an activity is shown, on standard error if that is a
// terminal, and what ends that. What takes less than a moment shows nothing.
func (p *program) progress(activity string) (progress func(string), end func()) {
	if !paint.IsTerminal(p.stderr) {
		return func(string) {}, func() {}
	}
	c := console.New(console.Options{
		Out: p.stderr, Terminal: paint.IsTerminal(p.stderr), Color: paint.Wanted(p.stderr),
		Width: func() int { return paint.Width(p.stderr) }, Activity: activity,
	})
	c.Event(control.Event{Time: time.Now(), Kind: control.EventBuilding})
	return func(m string) {
		c.Event(control.Event{Time: time.Now(), Kind: control.EventProgress, Message: m})
	}, c.EndProgress
}

func (p *program) printCheck(dir string, res checkResult) error {
	s := paint.New(paint.Wanted(p.stdout))
	found := slices.Clone(res.Diagnostics)
	for i, d := range found {
		found[i].Message = d.PredictedMessage(res.Rung, manifest.WouldRestart)
	}
	if err := console.Findings(console.Options{Out: p.stdout, Color: paint.Wanted(p.stdout), Dir: p.dir,
		Source: golist.ReadSource(dir)}, found); err != nil {
		return err
	}
	for _, u := range visible.Of(res.Unknown) {
		fmt.Fprintf(p.stdout, "  %s %s cannot be followed from source: %s\n",
			s.Bold(console.FormatPosition(p.dir, u.Position)+":"), u.Call, u.Reason)
	}
	if len(res.Unknown) > 0 {
		fmt.Fprintln(p.stdout)
	}
	result := map[manifest.Rung]string{
		manifest.RungHotSwap:     s.Green("hot swap") + "  a running server would take this code as it is",
		manifest.RungWarmRestart: s.Yellow("warm restart") + "  a running server would be restarted for this code",
		manifest.RungKeep:        s.Red("refused") + "  a running server would keep its old code",
	}[res.Rung]
	compared := "no manifest to compare with: only what would not load is found"
	if res.Other > 0 {
		compared = fmt.Sprintf("generation %d, the last live one, is another program's: only load errors count", res.Other)
	}
	if res.Against != "" {
		compared = fmt.Sprintf("compared with generation %d in %s", res.Generation,
			visible.Line(console.FormatPosition(p.dir, manifest.Position{File: res.Against})))
	}
	_, err := fmt.Fprintf(p.stdout, "%s\n%s\n", result, s.Dim(compared))
	return err
}

// checkCode runs the check in a directory of its own, so that it neither disturbs a running engine
// nor leaves anything behind.
func checkCode(
	ctx context.Context, cfg build.Config, against *manifest.Manifest, policy engine.BreakPolicy, progress build.Progress,
) (_ *engine.CheckResult, err error) {
	cfg.OutDir, err = os.MkdirTemp("", "anvil-check-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for the check: %w", err)
	}
	defer func() {
		if rmErr := os.RemoveAll(cfg.OutDir); rmErr != nil {
			err = errors.Join(err, fmt.Errorf("removing what the check wrote: %w", rmErr))
		}
	}()
	b, err := build.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return engine.Check(ctx, b, against, policy, progress)
}
