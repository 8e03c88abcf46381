package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// OutDir is the directory, inside the application's, that everything is written
// to.
const OutDir = ".anvil"

// SocketPath returns the path of the engine's socket for an application's
// directory.
func SocketPath(dir string) string { return filepath.Join(dir, OutDir, "engine.sock") }

// ErrInUse reports that another engine works in the directory. Attach to it
// through the socket at SocketPath.
var ErrInUse = errors.New("another anvil-lsp works in this directory")

// outDir is the prepared and locked output directory.
type outDir struct {
	path string
	lock *flock.Flock
}

// openOutDir makes the output directory, takes its lock and removes what a
// killed engine left there.
func openOutDir(dir string) (*outDir, error) {
	path := filepath.Join(dir, OutDir)
	if err := makeOutDir(path); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(path, "lock"))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("%s is where builds and sockets go, and must be writable: %w", path, err)
	}
	if !locked {
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	o := &outDir{path: path, lock: lock}
	if err := o.prepare(); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return o, nil
}

// makeOutDir makes an output directory that git ignores, unless it is there. It
// takes no lock.
func makeOutDir(path string) error {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return fmt.Errorf("%s is where builds and sockets go, and cannot be made: %w", path, err)
	}
	ignore := filepath.Join(path, ".gitignore")
	if _, err := os.Stat(ignore); err == nil {
		return nil
	}
	if err := os.WriteFile(ignore, []byte("*\n"), 0o666); err != nil {
		return fmt.Errorf("%s is where builds and sockets go, and must be writable: %w", path, err)
	}
	return nil
}

// scratch are the parts of the directory that mean nothing to the next engine.
var scratch = []string{"tmp", "work", "gen", "host", "run", "engine.sock"}

// history belongs to one run: generations are numbered anew by the next.
const history = "history"

func (o *outDir) prepare() error {
	if err := errors.Join(o.clean(), os.RemoveAll(filepath.Join(o.path, history))); err != nil {
		return err
	}
	return o.makeScratch()
}

func (o *outDir) makeScratch() error {
	for _, d := range []string{"tmp", "run"} {
		if err := os.MkdirAll(filepath.Join(o.path, d), 0o700); err != nil {
			return fmt.Errorf("%s must be writable: %w", o.path, err)
		}
	}
	return nil
}

// restore makes the directory again if somebody deleted it, as git clean -x
// does, and reports whether it was gone. The sockets in it are lost.
func (o *outDir) restore() (gone bool, err error) {
	if _, err := os.Stat(filepath.Join(o.path, "run")); !errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err := makeOutDir(o.path); err != nil {
		return true, err
	}
	return true, o.makeScratch()
}

func (o *outDir) clean() error {
	var errs []error
	for _, name := range scratch {
		if err := os.RemoveAll(filepath.Join(o.path, name)); err != nil {
			errs = append(errs, fmt.Errorf("removing what an earlier run left: %w", err))
		}
	}
	return errors.Join(errs...)
}

// close removes the scratch files and gives the lock back.
func (o *outDir) close() error {
	return errors.Join(o.clean(), o.lock.Unlock())
}
