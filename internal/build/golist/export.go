package golist

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// Progress is told, in a few words, what a long build is doing. It is called
// from another goroutine and must not block.
type Progress func(message string)

// exports is what the go command made of packages.
type exports struct {
	Archives map[string]string // by import path
	// Failed are the packages that do not compile; they can be there with -e only.
	Failed []*Package
}

// ExportArchives compiles packages, and what they import, with the go command, and returns the
// archive of each. Errors in the code are a *Failure, unless -e is given.
func (l *Lister) ExportArchives(ctx context.Context, progress Progress, args ...string) (*exports, error) {
	compiled := 0
	line := func(text string) {
		// With -v the go command names each package that it compiles.
		if progress == nil || strings.HasPrefix(text, "#") || strings.ContainsAny(text, " :\t") {
			return
		}
		compiled++
		progress(fmt.Sprintf("compiling what is not in the build cache: package %d, %s", compiled, text))
	}
	pkgs, err := l.List(ctx, line, slices.Concat([]string{"-export", "-deps", "-v", "-json=ImportPath,Export,Error"},
		args)...)
	if err != nil {
		return nil, l.ListFailure(err)
	}
	out := &exports{Archives: make(map[string]string, len(pkgs))}
	for _, p := range pkgs {
		switch {
		case p.Error != nil:
			if err := gocmd.DiskFull(p.Error.Err); err != nil {
				return nil, err
			}
			out.Failed = append(out.Failed, p)
		case p.Export != "":
			out.Archives[p.ImportPath] = p.Export
		}
	}
	return out, nil
}
