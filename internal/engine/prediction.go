package engine

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// sharedChecker says from source what an edit will do. It keeps what it has checked between calls;
// the running task and a Predictor take turns.
type sharedChecker struct {
	turn
	checker *source.Checker
}

func newSharedChecker() *sharedChecker { return &sharedChecker{turn: newTurn()} }

// check checks a program from source.
func (c *sharedChecker) check(ctx context.Context, prog source.Program, overlay build.Overlay) (*source.Report, error) {
	if err := c.lock(ctx); err != nil {
		return nil, err
	}
	defer c.unlock()
	if c.checker == nil {
		c.checker = source.NewChecker(prog)
	} else {
		c.checker.Update(prog)
	}
	return c.checker.Check(ctx, overlay)
}

// prediction is what a build of some code is expected to come to.
type prediction struct {
	rung        manifest.Rung // empty: nothing that is built changed
	diagnostics []manifest.Diagnostic
}

// predict checks what a plan builds from source and compares it with the manifest that is live. The
// overlay is unsaved buffers.
func (c *sharedChecker) predict(
	ctx context.Context, plan *build.Plan, last *manifest.Manifest, reasons []manifest.Diagnostic, overlay build.Overlay,
) (prediction, *source.Report, error) {
	s := plan.Watch()
	report, err := c.check(ctx, program(s, plan.Sources()), overlay)
	if err != nil {
		return prediction{}, nil, err
	}
	if plan.Rung == manifest.RungHotSwap {
		onlyEffective(report, plan.Rebuilt())
	}
	return newPrediction(report, last, s.Hot(), slices.Concat(reasons, uncompiled(s, report))), report, nil
}

// uncompiled returns what the compiler says against packages in which the checker finds nothing:
// dependencies, code in other languages, and what only the compiler sees.
func uncompiled(s *build.Snapshot, report *source.Report) []manifest.Diagnostic {
	var out []manifest.Diagnostic
	for path, found := range s.Faults() {
		dir := s.Package(path).Dir
		if !slices.ContainsFunc(report.Findings, func(d manifest.Diagnostic) bool {
			return d.Code == manifest.CodeCompile && d.Severity == manifest.SeverityError && filepath.Dir(d.File) == dir
		}) {
			out = append(out, found...)
		}
	}
	return out // the caller sorts
}

// onlyEffective makes warnings of the one-time registrations (ANV006) that this hot swap does not
// make, because what makes them is not compiled again, and hints of those that do no more than add
// an entry once more.
func onlyEffective(report *source.Report, rebuilt []string) {
	for _, o := range report.OneTime {
		if o.Registering || slices.ContainsFunc(o.Packages, func(p string) bool { return slices.Contains(rebuilt, p) }) {
			continue
		}
		for i, d := range report.Findings {
			switch {
			case d.Code != o.Code || d.Position != o.Position:
			case d.Severity == manifest.SeverityError:
				report.Findings[i].Severity = manifest.SeverityWarning
			case d.Severity == manifest.SeverityWarning:
				report.Findings[i].Severity = manifest.SeverityHint
			}
		}
	}
}

// newPrediction chooses the first rung that is safe.
func newPrediction(
	report *source.Report, last *manifest.Manifest, hot []string, reasons []manifest.Diagnostic,
) prediction {
	v := prediction{rung: manifest.RungHotSwap, diagnostics: slices.Concat(reasons, report.Findings)}
	if last != nil {
		v.diagnostics = append(v.diagnostics, source.Compare(last, report, hot)...)
	}
	manifest.SortDiagnostics(v.diagnostics)
	if slices.ContainsFunc(v.diagnostics, needsRestart) {
		v.rung = manifest.RungWarmRestart
	}
	for _, d := range v.diagnostics {
		// A new process registers for the first time: what can be done only once does not stand in its
		// way.
		once := d.Code == manifest.CodeGlobal && v.rung == manifest.RungWarmRestart
		if d.Severity == manifest.SeverityError && !once {
			v.rung = manifest.RungKeep
		}
	}
	return v
}

// onceMore returns the registrations that a second generation cannot make, if the prediction is
// about a hot swap.
func (p prediction) onceMore() []manifest.Diagnostic {
	return only(p.diagnostics, func(d manifest.Diagnostic) bool {
		return d.Code == manifest.CodeGlobal && d.Severity == manifest.SeverityError
	})
}

// under is the prediction where changed signatures may be swapped in. That is safe if nothing else
// calls for a restart: no type of a host package is another one then, and each generation makes its
// routes again. What can be done only once would keep the code from being swapped in, and not from
// being restarted with.
func (p prediction) under(o *Options) prediction {
	other := slices.ContainsFunc(p.restart(), func(d manifest.Diagnostic) bool { return d.Code != manifest.CodeSignature })
	if p.rung == manifest.RungWarmRestart && !other && len(p.onceMore()) == 0 && o.swapsBreaks() {
		p.rung = manifest.RungHotSwap
	}
	return p
}

// starting is the prediction for code for the first live server: it breaks nothing, and what can be
// done only once is done for the first time.
func (p prediction) starting() prediction {
	out := prediction{}
	for _, d := range p.diagnostics {
		switch {
		case d.Code.Rung() == manifest.RungWarmRestart:
			continue
		case d.Severity != manifest.SeverityError:
		case d.Code == manifest.CodeGlobal:
			d.Severity = manifest.SeverityWarning
		default:
			out.rung = manifest.RungKeep
		}
		out.diagnostics = append(out.diagnostics, d)
	}
	return out
}

// only returns the findings that a function accepts.
func only(ds []manifest.Diagnostic, accept func(manifest.Diagnostic) bool) []manifest.Diagnostic {
	return slices.DeleteFunc(slices.Clone(ds), func(d manifest.Diagnostic) bool { return !accept(d) })
}

func needsRestart(d manifest.Diagnostic) bool { return d.Code.Rung() == manifest.RungWarmRestart }

func hasCode(ds []manifest.Diagnostic, code manifest.Code) bool {
	return slices.ContainsFunc(ds, func(d manifest.Diagnostic) bool { return d.Code == code })
}

// restart returns what needs a restart.
func (p prediction) restart() []manifest.Diagnostic {
	return only(p.diagnostics, needsRestart)
}

// program is a snapshot as the checker wants it; packages are those to check from source.
func program(s *build.Snapshot, packages []*build.Package) source.Program {
	prog := source.Program{Main: s.Main(), Handlers: s.Handlers(), Archives: s.Archives()}
	hot := s.Hot()
	for _, p := range packages {
		pkg := sourcePackage(p)
		pkg.Hot = slices.Contains(hot, p.ImportPath)
		prog.Packages = append(prog.Packages, pkg)
	}
	for _, p := range s.HostSources() {
		if !slices.Contains(packages, p) {
			prog.Sources = append(prog.Sources, sourcePackage(p))
		}
	}
	return prog
}

func sourcePackage(p *build.Package) source.Package {
	pkg := source.Package{ImportPath: p.ImportPath, Name: p.Name, Dir: p.Dir, GoFiles: p.SourceFiles(),
		ImportMap: p.ImportMap}
	for _, name := range p.CgoFiles {
		pkg.GoFiles = append(pkg.GoFiles, filepath.Join(p.Dir, name))
	}
	if p.Module != nil {
		pkg.GoVersion = p.Module.GoVersion
	}
	return pkg
}

// predict publishes what a plan is expected to do, and remembers it, so that it can be compared
// with what happens.
func (t *task) predict(ctx context.Context, plan *build.Plan) (prediction, error) {
	begun := time.Now()
	v := prediction{}
	if plan.Rung != "" {
		var err error
		if v, _, err = t.checker.predict(ctx, plan, t.last, plan.Reasons, nil); err != nil {
			return v, err
		}
	}
	v = v.under(t.opts)
	t.publishPrediction(v, time.Since(begun))
	return v, nil
}

// publishPrediction publishes a prediction.
func (t *task) publishPrediction(v prediction, took time.Duration) {
	t.step(control.StepPredict, took)
	t.predicted = &control.Prediction{Rung: v.rung, Codes: v.codes()}
	t.publish(control.Event{
		Kind: control.EventPredicted, Rung: v.rung, Cause: t.cause(), Diagnostics: v.diagnostics,
		Total: control.Duration(took),
	})
}

// codes returns the codes that decide about the rung, sorted, each once. Only an error keeps a
// generation back. What is swapped in all the same decides nothing.
func (p prediction) codes() []manifest.Code {
	var out []manifest.Code
	if p.rung == manifest.RungHotSwap {
		return nil
	}
	for _, d := range p.diagnostics {
		rung, failed := d.Code.Rung(), d.Severity == manifest.SeverityError
		if rung == manifest.RungWarmRestart || rung == manifest.RungKeep && failed {
			out = append(out, d.Code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// happened returns the rung that a task came to, or would have come to if the policy for breaks did
// not hold it back.
func happened(out outcome) manifest.Rung {
	switch {
	case out.needsDecision:
		return manifest.RungWarmRestart
	case out.event.Kind == control.EventLive:
		return out.event.Rung
	case out.event.Kind == control.EventUnchanged:
		return ""
	}
	return manifest.RungKeep
}

// telling reports whether an outcome says anything about a prediction. What no source can tell does
// not: that registration panicked or hung, that the process ended or had made what the new code
// has, too, that the disk is full.
func telling(out outcome) bool {
	if hasCode(out.event.Diagnostics, manifest.CodeClash) {
		return false
	}
	return out.needsDecision || out.event.Kind != control.EventKept ||
		slices.ContainsFunc(out.event.Diagnostics, func(d manifest.Diagnostic) bool {
			return d.Code != manifest.CodeRegistration && d.Code != manifest.CodeLiveServer
		})
}

// signatureBreaks are the routes whose signature differs between two manifests: what really
// happened when a restart took a predicted ANV001.
func signatureBreaks(was, now *manifest.Manifest) bool {
	if was == nil || now == nil {
		return false
	}
	before := map[manifest.RouteKey]string{}
	for _, r := range was.Routes {
		before[r.Key()] = r.Fingerprint
	}
	return slices.ContainsFunc(now.Routes, func(r manifest.Route) bool {
		print, ok := before[r.Key()]
		return ok && print != r.Fingerprint
	})
}
