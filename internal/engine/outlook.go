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

// Forecast says what saving some unsaved buffers would do.
type Forecast struct {
	// Rung is what the live server would do; empty if the code would be the one
	// that it runs, or that it is started with.
	Rung manifest.Rung
	// Diagnostics say why, and what else there is to know, sorted.
	Diagnostics []manifest.Diagnostic
	// Report is what the code would register, with positions in the buffers.
	Report *source.Report
	// Edits are the declarations that differ from what the live server runs, with
	// positions in the buffers.
	Edits []build.Edit
	// Live is the manifest that the code was compared with; nil if there is none.
	Live *manifest.Manifest
}

// ErrNoOutlook reports that there is nothing to compare with yet: the code was
// never loaded without errors.
var ErrNoOutlook = errors.New("nothing is known of the application yet")

// Outlook predicts what saving unsaved buffers would do, again and again, fast:
// the go command is not asked, and what did not change is not checked again. It
// is safe for concurrent use; calls take turns.
type Outlook struct {
	known     func() *known
	predictor *predictor
	builder   *build.Builder
	opts      *Options // what is done about breaks
	drafts    *build.Drafts
	turn      chan struct{} // holds a value while nobody uses drafts

	dir  string // of an outlook without an engine
	main string
	own  *known // the same, guarded by turn

	links  map[string][]string // of linked; both are guarded by turn
	linked *build.Snapshot
}

// known is what there is to compare with.
type known struct {
	live     *build.Snapshot // what the live server runs; nil while the first is being started
	newest   *build.Snapshot // what the go command said last
	manifest *manifest.Manifest
	reasons  []manifest.Diagnostic // for a restart, beside those that Against finds
}

// learn changes what is known.
func (e *Engine) learn(change func(*known)) {
	for {
		old := e.known.Load()
		k := known{}
		if old != nil {
			k = *old
		}
		change(&k)
		if e.known.CompareAndSwap(old, &k) {
			return
		}
	}
}

// Outlook returns an outlook on what this engine would do. It always compares
// with what is live and shares what the engine has checked.
func (e *Engine) Outlook() *Outlook {
	return newOutlook(e.builder, e.predictor, &e.opts, e.known.Load)
}

// NewOutlook returns an outlook on an application that another engine serves, or
// none: it compares with the manifest of what went live last. The code must be
// loaded with Refresh before the first Predict. Nothing of the application is
// run, but dependencies are compiled if they are not in the build cache.
func NewOutlook(ctx context.Context, o Options) (*Outlook, error) {
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
	b, err := build.New(ctx, build.Config{Dir: dir, Main: o.Main, OutDir: out.Path(), Tags: o.Tags, Assets: o.Assets, Race: o.Race, Debug: o.Debug})
	if err != nil {
		return nil, err
	}
	ol := newOutlook(b, newPredictor(), &o, nil)
	ol.dir, ol.known = dir, func() *known { return ol.own }
	return ol, nil
}

func newOutlook(b *build.Builder, p *predictor, opts *Options, k func() *known) *Outlook {
	ol := &Outlook{known: k, predictor: p, builder: b, opts: opts, drafts: build.NewDrafts(b), turn: make(chan struct{}, 1)}
	ol.turn <- struct{}{}
	return ol
}

func (o *Outlook) lock(ctx context.Context) error {
	select {
	case <-o.turn:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (o *Outlook) unlock() { o.turn <- struct{}{} }

// Predict says what would happen if the buffers, given by absolute path, were
// saved. With none it is about the files as they are. The error is ErrNoOutlook,
// that of the context, or why what was compiled cannot be read.
func (o *Outlook) Predict(ctx context.Context, buffers map[string][]byte) (*Forecast, error) {
	if err := o.lock(ctx); err != nil {
		return nil, err
	}
	defer o.unlock()
	k := o.known()
	if k == nil || k.newest == nil {
		return nil, ErrNoOutlook
	}
	live := k.live
	if live == nil {
		live = k.newest
	}
	draft := o.drafts.Draft(k.newest, buffers)
	plan := draft.Against(live, k.newest)
	v, report, err := o.predictor.foretell(ctx, plan, k.manifest, slices.Concat(k.reasons, plan.Reasons), buffers)
	if _, lost := errors.AsType[*source.ArchiveError](err); lost {
		// The build cache was cleaned: it is as it was when the go command has
		// been there.
		if _, err = o.builder.Restore(ctx, k.newest); err != nil {
			return nil, err
		}
		v, report, err = o.predictor.foretell(ctx, plan, k.manifest, slices.Concat(k.reasons, plan.Reasons), buffers)
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
	v = v.under(o.opts)
	return &Forecast{Rung: v.rung, Diagnostics: v.diagnostics, Report: report, Edits: draft.Edits(live), Live: k.manifest}, nil
}

// Loads asks the go command whether the code on disk can be loaded. What it says
// against it is a *build.Failure. Predict does not ask, and trusts that an import
// that is new is one that somebody has.
func (o *Outlook) Loads(ctx context.Context) error {
	if err := o.lock(ctx); err != nil {
		return err
	}
	k := o.known()
	o.unlock()
	if k == nil || k.newest == nil {
		return ErrNoOutlook
	}
	_, err := o.builder.Graph(ctx, k.newest.Main())
	return err
}

// Refresh brings an outlook without an engine up to date after files changed on
// disk, or after the other engine went live with them. nil: any file may have
// changed. Code that cannot be loaded is a *build.Failure; the outlook is then
// as it was. An outlook of an engine needs no Refresh.
func (o *Outlook) Refresh(ctx context.Context, files []string) error {
	if o.dir == "" {
		return nil
	}
	if err := o.lock(ctx); err != nil {
		return err
	}
	defer o.unlock()
	newest, err := o.load(ctx, files)
	if err != nil {
		return err
	}
	m, err := LastManifest(o.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, manifest.ErrFormat) {
		return err
	}
	k := &known{live: newest, newest: newest, manifest: m}
	if m != nil {
		switch reasons := hostChanges(o.builder, newest, m); {
		case len(reasons) == 0:
		case o.own != nil && len(hostChanges(o.builder, o.own.live, m)) == 0:
			k.live = o.own.live // it is still what runs
		default:
			k.reasons = reasons
		}
	}
	o.own = k
	return nil
}

// load returns the newest snapshot.
func (o *Outlook) load(ctx context.Context, files []string) (*build.Snapshot, error) {
	if o.own != nil && files != nil {
		plan, _, err := o.builder.Plan(ctx, o.own.newest, files)
		if err != nil {
			return nil, err
		}
		return plan.Watch(), nil
	}
	if o.main == "" {
		main, err := o.builder.Main(ctx)
		if err != nil {
			return nil, err
		}
		o.main = main
	}
	s, _, err := o.builder.Prepare(ctx, o.main, nil)
	return s, err
}

// Dirs returns the directories of the packages whose code is predicted, sorted.
func (o *Outlook) Dirs(ctx context.Context) []string {
	if o.lock(ctx) != nil {
		return nil
	}
	defer o.unlock()
	if k := o.known(); k != nil && k.newest != nil {
		return k.newest.SourceDirs()
	}
	return nil
}

// Links returns the names that files and directories of the application have for
// the go command, by their real paths, where a symbolic link makes them differ.
func (o *Outlook) Links(ctx context.Context) map[string][]string {
	if o.lock(ctx) != nil {
		return nil
	}
	defer o.unlock()
	k := o.known()
	if k == nil || k.newest == nil {
		return nil
	}
	if o.linked != k.newest {
		o.links, o.linked = k.newest.Links(), k.newest
	}
	return o.links
}
