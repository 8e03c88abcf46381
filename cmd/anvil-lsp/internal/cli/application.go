package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// lookForCode returns an error if there is nothing in an application's directory that could become
// one: no module, or no code. An engine would wait there forever, for a user who has most likely
// named the wrong directory. Code that is broken, or calls no LiveServer yet, is worth waiting for.
func lookForCode(o engine.Options) error {
	dir, err := filepath.EvalSymlinks(o.Dir)
	if err != nil {
		return nil // the engine says what is wrong with it
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil
	}
	missing := ""
	switch work := os.Getenv("GOWORK"); {
	case (work == "" || work == "off") && paths.Above(dir, "go.mod", "go.work") == "":
		missing = "there is no go.mod in it or above it"
	case o.Main == "" && !hasCode(dir): // --main may name a package elsewhere
		missing = "there is no Go file in it or below it"
	default:
		return nil
	}
	return fmt.Errorf("no application in %s: %s; name the directory of an application, or make one: anvil-lsp init DIR",
		dir, missing)
}

// errStop ends a search.
var errStop = errors.New("found")

// hasCode reports whether there is a Go file in or below a directory, other than tests, that the go
// command would look at.
func hasCode(dir string) bool {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return nil // unreadable: without it
		case d.IsDir() && path != dir && discover.Skipped(path):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, ".go") && !syntax.IgnoredGoName(name):
			return errStop
		}
		return nil
	})
	return errors.Is(err, errStop)
}
