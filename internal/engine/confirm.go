package engine

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
)

// confirm asks the compiler about errors that the check from source has found, in the packages that
// it has found them in. What is not compiled need not be built, and a restart need not be
// announced: the error is the compiler's, and nil if it finds none. under is the build that is
// under way, if one is: it may know first.
func (t *task) confirm(ctx context.Context, plan *build.Plan, v prediction, under *pluginBuild) error {
	packages := brokenPackages(plan.Watch(), v)
	if len(packages) == 0 || under != nil && len(plan.Rebuilt()) == 1 {
		return nil // the build is as quick
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	compiled := make(chan error, 1)
	go func() { compiled <- t.builder.Compiles(ctx, plan, packages) }()
	var built <-chan struct{}
	if under != nil {
		built = under.done
	}
	select {
	case err := <-compiled:
		if _, ok := errors.AsType[*build.Failure](err); ok {
			return err
		}
	case <-built:
		cancel()
		<-compiled // no compiler is left running
	}
	return nil
}

// brokenPackages returns the packages in which a prediction has found errors of compiling, sorted.
func brokenPackages(s *build.Snapshot, v prediction) []string {
	if v.rung != manifest.RungKeep {
		return nil
	}
	var out []string
	for _, d := range v.diagnostics {
		if d.Code != manifest.CodeCompile || d.Severity != manifest.SeverityError || d.File == "" {
			continue
		}
		if p := s.PackageIn(filepath.Dir(d.File)); p != nil {
			out = append(out, p.ImportPath)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
