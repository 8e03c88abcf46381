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
	held fs.FileInfo // of the file that is locked
	// lost: it was deleted while a live server ran, which nobody can ask for anything
	// since.
	lost bool
}

// openOutDir makes the output directory, takes its lock and removes what a
// killed engine left there.
func openOutDir(dir string) (*outDir, error) {
	path := filepath.Join(dir, OutDir)
	if err := makeOutDir(path); err != nil {
		return nil, err
	}
	o := &outDir{path: path}
	if err := o.take(); err != nil {
		return nil, err
	}
	if err := o.prepare(); err != nil {
		return nil, errors.Join(err, o.lock.Unlock())
	}
	return o, nil
}

// take takes the lock of the directory.
func (o *outDir) take() error {
	lock := flock.New(o.lockPath())
	locked, err := lock.TryLock()
	if err == nil && !locked {
		return fmt.Errorf("%w: %s", ErrInUse, filepath.Dir(o.path))
	}
	var held fs.FileInfo
	if err == nil {
		if held, err = os.Stat(o.lockPath()); err != nil {
			err = errors.Join(err, lock.Unlock())
		}
	}
	if err != nil {
		return fmt.Errorf("%s is where builds and sockets go, and must be writable: %w", o.path, err)
	}
	o.lock, o.held = lock, held
	return nil
}

func (o *outDir) lockPath() string { return filepath.Join(o.path, "lock") }

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

// restore makes the directory again and takes its lock, if somebody deleted it,
// as git clean -x does, and reports whether it was gone. The sockets in it are
// lost. The error is ErrInUse if another engine has come to work there since.
func (o *outDir) restore() (gone bool, err error) {
	if o.ours() {
		return false, nil
	}
	if err := makeOutDir(o.path); err != nil {
		return true, err
	}
	deleted := o.lock
	if err := o.take(); err != nil {
		return true, err
	}
	o.lost = true
	return true, errors.Join(deleted.Unlock(), o.makeScratch())
}

// ours reports whether the directory is the one that was prepared. What else is
// wrong with it shows when something is written.
func (o *outDir) ours() bool {
	now, err := os.Stat(o.lockPath())
	return err == nil && os.SameFile(now, o.held) || err != nil && !errors.Is(err, fs.ErrNotExist)
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

// close removes the scratch files, unless they are another engine's by now, and
// gives the lock back.
func (o *outDir) close() error {
	if !o.ours() {
		return o.lock.Unlock()
	}
	return errors.Join(o.clean(), o.lock.Unlock())
}
