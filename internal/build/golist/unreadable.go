package golist

import (
	"context"
	"errors"
	"io/fs"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// mostListings is how often the go command is asked again because a file went
// away that it had named.
const mostListings = 4

// Listing calls list, which asks the go command for files and reads them, again if one of them is
// gone: editors and checkers make files for a moment, and rename them.
func Listing(ctx context.Context, list func() error) error {
	for tries := 1; ; tries++ {
		err := list()
		if tries == mostListings || ctx.Err() != nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, ok := errors.AsType[*gocmd.UnreadableFile](err); !ok {
			return err
		}
	}
}
