package build

import (
	"context"
	"errors"
	"io/fs"
	"regexp"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// unreadableFile is a source file that cannot be read, as a *Failure that says so
// of the file.
type unreadableFile struct {
	*Failure
	err error
}

// Unwrap returns the *Failure and the cause.
func (e *unreadableFile) Unwrap() []error { return []error{e.Failure, e.err} }

func unreadable(path string, err error) error {
	why := err
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		why = p.Err
	}
	return &unreadableFile{failure(manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: path}, "the file cannot be read: %v", why)), err}
}

// cannotOpen is the compiler's complaint about a Go file that it may not read.
var cannotOpen = regexp.MustCompile(`(?m)^(?:compile: )?open ([^\n:]+\.go): ([^\n:]+)$`)

// mostListings is how often the go command is asked again because a file went
// away that it had named.
const mostListings = 4

// listing calls list, which asks the go command for files and reads them, again
// if one of them is gone: editors and checkers make files for a moment, and
// rename them.
func listing(ctx context.Context, list func() error) error {
	for tries := 1; ; tries++ {
		err := list()
		if tries == mostListings || ctx.Err() != nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, ok := errors.AsType[*unreadableFile](err); !ok {
			return err
		}
	}
}
