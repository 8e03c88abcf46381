package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

// OutDir is the directory, inside the application's, that everything is written to.
const OutDir = outdir.Name

// SocketPath returns the path of the engine's socket for an application's directory.
func SocketPath(dir string) string { return outdir.Path(dir, outdir.Socket) }

// ErrInUse reports that another engine works in the directory. Attach to it through the socket at
// SocketPath.
var ErrInUse = errors.New("another anvil-lsp works in this directory")

// outDir is the prepared and locked output directory.
type outDir struct {
	path     string
	dir      *outdir.Dir
	lock     *flock.Flock
	lockInfo fs.FileInfo // of the file that is locked
	// lost: it was deleted while a live server ran, which cannot be reached since.
	lost bool
}

// openOutDir makes the output directory, takes its lock and removes what a killed engine left
// there.
func openOutDir(app string) (_ *outDir, err error) {
	o := &outDir{path: outdir.Path(app)}
	if err := o.acquire(); err != nil {
		return nil, err
	}
	if err := o.empty(); err != nil {
		return nil, errors.Join(err, o.giveBack())
	}
	return o, nil
}

// empty removes what an earlier engine left, and makes what this one needs.
func (o *outDir) empty() error {
	if err := outdir.Executable(o.path); err != nil {
		return fmt.Errorf("%w: %s", err, outdir.Advice(o.path, err))
	}
	err := o.dir.Clean()
	if err == nil {
		err = o.dir.Remove(outdir.History)
	}
	if err != nil {
		return unusable(o.path, "must be writable", err)
	}
	return o.makeScratch()
}

// unusable says what the output directory is for, why it cannot be used, and what to do.
func unusable(path, needs string, err error) error {
	advice := outdir.Advice(path, err)
	if advice != "" {
		advice = "; " + advice
	}
	return fmt.Errorf("%s is where builds and sockets go, and %s: %w%s", path, needs, err, advice)
}

// acquire makes and opens the directory, and takes its lock.
func (o *outDir) acquire() (err error) {
	dir, err := makeOutDir(o.path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, dir.Close())
		}
	}()
	lock := flock.New(o.lockPath())
	locked, err := lock.TryLock()
	if err == nil && !locked {
		return fmt.Errorf("%w: %s", ErrInUse, filepath.Dir(o.path))
	}
	var held fs.FileInfo
	if err == nil {
		if held, err = os.Lstat(o.lockPath()); err != nil {
			err = errors.Join(err, lock.Unlock())
		}
	}
	if err != nil {
		return unusable(o.path, "must be writable", err)
	}
	o.dir, o.lock, o.lockInfo = dir, lock, held
	return nil
}

func (o *outDir) lockPath() string { return filepath.Join(o.path, outdir.Lock) }

// makeOutDir opens an output directory that git ignores, and makes it unless it is there. It takes
// no lock.
func makeOutDir(path string) (*outdir.Dir, error) {
	dir, err := outdir.Make(path)
	if errors.Is(err, outdir.ErrRefused) {
		return nil, err
	}
	if err != nil {
		return nil, unusable(path, "cannot be made", err)
	}
	if err := dir.Prepare(); errors.Is(err, outdir.ErrRefused) {
		return nil, errors.Join(err, dir.Close())
	} else if err != nil {
		return nil, errors.Join(unusable(path, "must be writable", err), dir.Close())
	}
	return dir, nil
}

func (o *outDir) makeScratch() error {
	for _, d := range []string{outdir.Temp, outdir.Run} {
		if _, err := o.dir.Below(d); err != nil {
			return unusable(o.path, "must be writable", err)
		}
	}
	return nil
}

// restore makes the directory again and takes its lock, if somebody deleted it, as git clean -x
// does, and reports whether it was gone. The sockets in it are lost. The error is ErrInUse if
// another engine has come to work there since, and wraps fs.ErrNotExist if the application's
// directory is gone, too: that is not made again.
func (o *outDir) restore() (gone bool, err error) {
	if o.ours() {
		return false, nil
	}
	deleted := *o
	if err := o.acquire(); err != nil {
		return true, err
	}
	o.lost = true
	return true, errors.Join(deleted.giveBack(), o.makeScratch())
}

// ours reports whether the directory is the one that was prepared. What else is wrong with it shows
// when something is written.
func (o *outDir) ours() bool {
	now, err := os.Lstat(o.lockPath())
	return err == nil && os.SameFile(now, o.lockInfo) || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// close removes the scratch files, unless they are another engine's by now, and gives the lock
// back.
func (o *outDir) close() error {
	if !o.ours() {
		return o.giveBack()
	}
	return errors.Join(o.dir.Clean(), o.giveBack())
}

func (o *outDir) giveBack() error { return errors.Join(o.lock.Unlock(), o.dir.Close()) }
