package golist

import (
	"errors"
	"runtime"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// errDependency marks a package that was not compiled because one that it imports could not be.
var errDependency = errors.New("an imported package does not compile")

// InOrder calls f for each of the packages, after it has been called for those
// of them that the package imports, side by side where they do not depend on
// each other. Errors in the code are one *Failure for all packages.
func (g *Graph) InOrder(packages []string, f func(path string) error) error {
	type result struct {
		done chan struct{}
		err  error
	}
	results := make(map[string]*result, len(packages))
	for _, path := range packages {
		results[path] = &result{done: make(chan struct{})}
	}
	slots := make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))
	var wg sync.WaitGroup
	for _, path := range packages {
		wg.Go(func() {
			r := results[path]
			defer close(r.done)
			for _, imp := range g.Packages[path].Imports {
				if dep := results[imp]; dep != nil {
					<-dep.done
					if dep.err != nil {
						r.err = errDependency
						return
					}
				}
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			r.err = f(path)
		})
	}
	wg.Wait()
	var faults []manifest.Diagnostic
	for _, path := range packages {
		err := results[path].err
		if f, ok := errors.AsType[*gocmd.Failure](err); ok {
			faults = append(faults, f.Diagnostics...)
		} else if err != nil && !errors.Is(err, errDependency) {
			return err
		}
	}
	if len(faults) > 0 {
		return gocmd.Fail(faults...)
	}
	return nil
}
