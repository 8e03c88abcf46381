package outdir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write replaces a file, so that a reader sees the old or the new one and never a part, and so that
// a full disk leaves the old one. A symbolic link in its place is replaced, not followed. The file
// is for this user only.
func (d *Dir) Write(name string, data []byte) error {
	if dir := filepath.Dir(name); dir != "." {
		if _, err := d.Below(dir); err != nil {
			return err
		}
	}
	temp := name + "." + rand.Text()
	f, err := d.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return d.withPath(temp, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.root.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, d.root.Remove(temp))
	}
	return nil
}

// Prepare makes git ignore the directory, and makes sure that its lock is a file. The error wraps
// ErrRefused if there are directories in it that Clean would remove, and nothing says that an
// anvil-lsp made them: a lock, or our .gitignore.
func (d *Dir) Prepare() error {
	if name := d.strange(); name != "" {
		return fmt.Errorf("%s %w: anvil-lsp did not make it, and would remove %s in it; move it away",
			d.path, ErrRefused, name)
	}
	if err := d.prepareIgnore(); err != nil {
		return err
	}
	if d.regular(Lock) {
		return nil
	}
	if err := d.Remove(Lock); err != nil {
		return err
	}
	f, err := d.root.OpenFile(Lock, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return nil
	}
	if err != nil {
		return d.withPath(Lock, err)
	}
	return f.Close()
}

// strange returns a directory that Clean would remove although anvil-lsp did not make it; empty if
// there is none.
func (d *Dir) strange() string {
	if d.regular(Lock) {
		return ""
	}
	if text, err := d.Read(ignore, int64(len(ignored))); err == nil && string(text) == ignored {
		return ""
	}
	for _, name := range append(scratch[:], History) {
		if info, err := d.root.Lstat(name); err == nil && info.IsDir() {
			return name
		}
	}
	return ""
}

func (d *Dir) regular(name string) bool {
	info, err := d.root.Lstat(name)
	return err == nil && info.Mode().IsRegular()
}

// prepareIgnore writes a .gitignore, unless there is one. An empty one is what a full disk has left
// of it.
func (d *Dir) prepareIgnore() error {
	info, err := d.root.Lstat(ignore)
	if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
		return nil
	}
	return d.Write(ignore, []byte(ignored))
}

// ignored is the text of the .gitignore.
const ignored = "*\n"

// Clean removes what an earlier engine left. Prepare has to come first. All of it is tried; the
// error is the first one, since the others have the same cause.
func (d *Dir) Clean() error {
	var first error
	for _, name := range scratch {
		if _, err := d.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			continue // on a read-only file system removing nothing is an error, too
		}
		if err := d.Remove(name); err != nil && first == nil {
			first = fmt.Errorf("removing what an earlier run left: %w", err)
		}
	}
	return first
}
