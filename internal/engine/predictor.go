package engine

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// Prediction says what saving some unsaved buffers would do.
type Prediction struct {
	// Rung is what the live server would do; empty if the code would be the one that it runs, or that
	// it is started with.
	Rung manifest.Rung
	// Diagnostics say why, and what else there is to know, sorted.
	Diagnostics []manifest.Diagnostic
	// Report is what the code would register, with positions in the buffers.
	Report *source.Report
	// Edits are the declarations that differ from what the live server runs, with positions in the
	// buffers.
	Edits []build.Edit
	// Live is the manifest that the code was compared with; nil if there is none.
	Live *manifest.Manifest
}

// ErrNotPredictable reports that there is nothing to compare with yet: the code was never loaded
// without errors.
var ErrNotPredictable = errors.New("nothing is known of the application yet")

// Predictor predicts what saving unsaved buffers would do, again and again, fast: the go command is
// not asked, and what did not change is not checked again. It is safe for concurrent use; calls
// take turns.
type Predictor struct {
	baseline func() *baseline
	checker  *sharedChecker
	builder  *build.Builder
	opts     *Options // what is done about breaks
	drafts   *build.Drafts
	turn     // of drafts

	dir  string // of a predictor without an engine
	main string
	own  *baseline // the same, guarded by turn

	links  map[string][]string // of linked; both are guarded by turn
	linked *build.Snapshot
}

// baseline is what there is to compare with.
type baseline struct {
	live     *build.Snapshot // what the live server runs; nil while the first is being started
	newest   *build.Snapshot // what the go command said last
	manifest *manifest.Manifest
	reasons  []manifest.Diagnostic // for a restart, besides those that Against finds
}

// Predictor returns a predictor on what this engine would do. It always compares with what is live
// and shares what the engine has checked.
func (e *Engine) Predictor() *Predictor {
	return newBufferPredictor(e.builder, e.checker, &e.opts, e.baseline.Load)
}

// NewPredictor returns a predictor on an application that another engine serves, or none: it
// compares with the manifest of what went live last. The code must be loaded with Refresh before
// the first Predict. Nothing of the application is run, but dependencies are compiled if they are
// not in the build cache.
func NewPredictor(ctx context.Context, o Options) (*Predictor, error) {
	dir, err := realDir("application directory", o.Dir)
	if err != nil {
		return nil, err
	}
	out, err := makeOutDir(outdir.Path(dir))
	if err != nil {
		return nil, err
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	b, err := build.New(ctx, build.Config{Dir: dir, Main: o.Main, OutDir: out.Path(), Tags: o.Tags, Assets: o.Assets,
		Race: o.Race, Debug: o.Debug})
	if err != nil {
		return nil, err
	}
	p := newBufferPredictor(b, newSharedChecker(), &o, nil)
	p.dir, p.baseline = dir, func() *baseline { return p.own }
	return p, nil
}

func newBufferPredictor(b *build.Builder, c *sharedChecker, opts *Options, k func() *baseline) *Predictor {
	return &Predictor{baseline: k, checker: c, builder: b, opts: opts, drafts: build.NewDrafts(b), turn: newTurn()}
}

// turn is a lock that a context can end the wait for. It holds a value while it is free.
type turn chan struct{}

func newTurn() turn {
	t := make(turn, 1)
	t.unlock()
	return t
}

func (t turn) lock(ctx context.Context) error {
	select {
	case <-t:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) unlock() { t <- struct{}{} }

// Predict says what would happen if the buffers, given by absolute path, were saved. With none it
// is about the files as they are. The error is ErrNotPredictable, that of the context, or why what
// was compiled cannot be read.
func (p *Predictor) Predict(ctx context.Context, buffers map[string][]byte) (*Prediction, error) {
	if err := p.lock(ctx); err != nil {
		return nil, err
	}
	defer p.unlock()
	k := p.baseline()
	if k == nil || k.newest == nil {
		return nil, ErrNotPredictable
	}
	live := k.live
	if live == nil {
		live = k.newest
	}
	draft := p.drafts.Draft(k.newest, buffers)
	plan := draft.Against(live, k.newest)
	v, report, err := p.checker.predict(ctx, plan, k.manifest, slices.Concat(k.reasons, plan.Reasons), buffers)
	if _, lost := errors.AsType[*source.ArchiveError](err); lost {
		// The build cache was cleaned: it is as it was when the go command has been there.
		if _, err = p.builder.Restore(ctx, k.newest); err != nil {
			return nil, err
		}
		v, report, err = p.checker.predict(ctx, plan, k.manifest, slices.Concat(k.reasons, plan.Reasons), buffers)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case k.live == nil:
		v = v.starting()
	case plan.Rung == "" && len(k.reasons) == 0 && len(draft.Faults()) == 0: // what does not compile runs nowhere
		v.rung = ""
	}
	v = v.under(p.opts)
	return &Prediction{Rung: v.rung, Diagnostics: v.diagnostics, Report: report, Edits: draft.Edits(live),
		Live: k.manifest}, nil
}

// Loads asks the go command whether the code on disk can be loaded. What it says against it is a
// *build.Failure. Predict does not ask, and trusts that an import that is new is one that somebody
// has.
func (p *Predictor) Loads(ctx context.Context) error {
	if err := p.lock(ctx); err != nil {
		return err
	}
	k := p.baseline()
	p.unlock()
	if k == nil || k.newest == nil {
		return ErrNotPredictable
	}
	_, err := p.builder.Graph(ctx, k.newest.Main())
	return err
}

// Refresh brings a predictor without an engine up to date after files changed on disk, or after the
// other engine went live with them. nil: any file may have changed. Code that cannot be loaded is a
// *build.Failure; the predictor is then as it was. A predictor of an engine needs no Refresh.
func (p *Predictor) Refresh(ctx context.Context, files []string) error {
	if p.dir == "" {
		return nil
	}
	if err := p.lock(ctx); err != nil {
		return err
	}
	defer p.unlock()
	newest, err := p.load(ctx, files)
	if err != nil {
		return err
	}
	m, err := LastManifest(p.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, manifest.ErrFormat) {
		return err
	}
	k := &baseline{live: newest, newest: newest, manifest: m}
	if m != nil {
		switch reasons := hostChanges(p.builder, newest, m); {
		case len(reasons) == 0:
		case p.own != nil && len(hostChanges(p.builder, p.own.live, m)) == 0:
			k.live = p.own.live // it is still what runs
		default:
			k.reasons = reasons
		}
	}
	p.own = k
	return nil
}

// load returns the newest snapshot.
func (p *Predictor) load(ctx context.Context, files []string) (*build.Snapshot, error) {
	if p.own != nil && files != nil {
		plan, _, err := p.builder.Plan(ctx, p.own.newest, files)
		if err != nil {
			return nil, err
		}
		return plan.Watch(), nil
	}
	if p.main == "" {
		main, err := p.builder.Main(ctx)
		if err != nil {
			return nil, err
		}
		p.main = main
	}
	s, _, err := p.builder.Prepare(ctx, p.main, nil)
	return s, err
}

// Dirs returns the directories of the packages whose code is predicted, sorted.
func (p *Predictor) Dirs(ctx context.Context) []string {
	if p.lock(ctx) != nil {
		return nil
	}
	defer p.unlock()
	if k := p.baseline(); k != nil && k.newest != nil {
		return k.newest.SourceDirs()
	}
	return nil
}

// Links returns the names that files and directories of the application have for the go command, by
// their real paths, where a symbolic link makes them differ.
func (p *Predictor) Links(ctx context.Context) map[string][]string {
	if p.lock(ctx) != nil {
		return nil
	}
	defer p.unlock()
	k := p.baseline()
	if k == nil || k.newest == nil {
		return nil
	}
	if p.linked != k.newest {
		p.links, p.linked = k.newest.Links(), k.newest
	}
	return p.links
}
