// Package outdir owns .anvil, the directory inside an application's that everything is written to:
// its names, and how it is opened, read, written and cleaned.
//
// A checkout can bring a .anvil of its own. So the directory is opened once, as an os.Root, and
// what is done below it is done through that. It is refused if it is a symbolic link, belongs to
// another user, or is not a directory. A link is refused wherever it leads: whether the user made
// it or the checkout cannot be told, and what it points to would be cleaned. Names in it that are
// links are replaced, never followed.
//
// Compilers, linkers and sockets take paths. Those are asked for with Below just before they are
// used, which looks at every directory on the way.
package outdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// Name is that of the directory.
const Name = ".anvil"

// Names of the files in it.
const (
	Lock     = "lock"          // locked by the engine that works in the directory
	Socket   = "engine.sock"   // its control socket
	Manifest = "manifest.json" // of what went live last
	History  = "history"       // manifests of the generations of one run
	Run      = "run"           // control sockets of live servers
	Temp     = "tmp"           // scratch files of compilers
	ignore   = ".gitignore"
)

// scratch are the directories and files that mean nothing to the next engine.
var scratch = [...]string{Temp, "work", "gen", "host", Run, Socket}

// ErrRefused reports a directory that is not used because of what it is.
var ErrRefused = errors.New("is not used")

// Path returns the path of the directory of an application, or of a file in it.
func Path(app string, elem ...string) string {
	return filepath.Join(append([]string{app, Name}, elem...)...)
}

// Dir is the open directory. Its methods are safe for concurrent use.
type Dir struct {
	path string
	root *os.Root
}

// Open opens the directory at path. The error wraps fs.ErrNotExist if there is none, and ErrRefused
// if it is not to be used.
func Open(path string) (*Dir, error) {
	info, err := Check(path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	now, err := root.Stat(".")
	if err == nil && !os.SameFile(info, now) {
		err = fmt.Errorf("%s %w: it was replaced just now", path, ErrRefused)
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Dir{path, root}, nil
}

// Make opens the directory at path, and makes it if it is not there; the one around it must exist.
// Nobody else may look into it: what is in it can be run.
func Make(path string) (*Dir, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	if err := d.tighten("."); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Check returns what is known of the directory at path. The errors are those of Open.
func Check(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s %w: it is a symbolic link to %s, where files would be written and removed; "+
			"remove the link, or mount what it leads to in its place", path, ErrRefused, target)
	case !info.IsDir():
		return nil, fmt.Errorf("%s %w: %w; remove it", path, ErrRefused, syscall.ENOTDIR)
	}
	if owner, ours := transport.Owner(info); !ours {
		return nil, fmt.Errorf("%s %w: it belongs to the user with id %d; remove it, or work as that user",
			path, ErrRefused, owner)
	}
	return info, nil
}

// tighten takes the access of others away.
func (d *Dir) tighten(name string) error {
	info, err := d.root.Lstat(name)
	if err == nil && info.IsDir() && info.Mode().Perm() != 0o700 {
		err = d.root.Chmod(name, 0o700)
	}
	return err
}

// Path returns the path of the directory.
func (d *Dir) Path() string { return d.path }

// Close gives the directory back.
func (d *Dir) Close() error { return d.root.Close() }

// Read returns the contents of a file of at most limit bytes.
func (d *Dir) Read(name string, limit int64) ([]byte, error) {
	data, err := regular.ReadIn(d.root, name, limit)
	return data, d.withPath(name, err)
}

// withPath makes the path in an error absolute.
func (d *Dir) withPath(name string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok && p.Path == name {
		return &fs.PathError{Op: p.Op, Path: filepath.Join(d.path, name), Err: p.Err}
	}
	return err
}

// Names returns what is in a directory, sorted.
func (d *Dir) Names(name string) ([]string, error) {
	if err := d.plain(name); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(d.root.FS(), filepath.ToSlash(name))
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, d.withPath(name, err)
}

// Remove removes a file, or a directory with what is in it. What a symbolic link leads to stays.
func (d *Dir) Remove(name string) error { return d.withPath(name, d.root.RemoveAll(name)) }

// Below makes the directory with a name below this one and returns its path, for programs that want
// one. Nothing on the way may be a symbolic link: that is removed, and a directory made in its
// place.
func (d *Dir) Below(name string) (string, error) {
	for _, at := range steps(name) {
		info, err := d.root.Lstat(at)
		switch {
		case err == nil && info.IsDir():
			err = d.tighten(at)
		case err == nil:
			err = d.root.Remove(at)
			if err == nil {
				err = d.root.Mkdir(at, 0o700)
			}
		case errors.Is(err, fs.ErrNotExist):
			err = d.root.Mkdir(at, 0o700)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) { // another process was faster
			return "", d.withPath(at, err)
		}
	}
	return filepath.Join(d.path, name), nil
}

// plain reports an error unless a name and all before it are directories.
func (d *Dir) plain(name string) error {
	for _, at := range steps(name) {
		info, err := d.root.Lstat(at)
		if err == nil && !info.IsDir() {
			err = &fs.PathError{Op: "open", Path: at, Err: syscall.ENOTDIR}
		}
		if err != nil {
			return d.withPath(at, err)
		}
	}
	return nil
}

// steps returns the directories on the way to a name: a, a/b, a/b/c.
func steps(name string) []string {
	var out []string
	for at := filepath.Clean(name); at != "."; at = filepath.Dir(at) {
		out = append([]string{at}, out...)
	}
	return out
}
