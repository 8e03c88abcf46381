// Package regular reads files that a checkout, or anybody else, may have put
// there. It reads regular files only, and at most as much as the caller wants:
// a FIFO has nobody waiting for its other end, a device is not opened, and
// neither an endless file nor a sparse one of gigabytes fills the memory.
package regular

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Errors of this package; they come wrapped in an *fs.PathError.
var (
	// ErrNotRegular reports a FIFO, a device, a socket or a directory.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge reports a file that is larger than the caller wants to read.
	ErrTooLarge = errors.New("file is too large")
)

// Common limits, in bytes.
const (
	// MaxSource is for what a person writes: Go files, go.mod, go.work.
	MaxSource = 16 << 20
)

// Open opens a regular file for reading. Symbolic links are followed.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path) // opening a device may do something already
	if err == nil {
		err = check(path, info)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	return opened(path, f, err)
}

// OpenIn opens a regular file for reading, by its name in a directory. Symbolic
// links are followed as long as they stay in the directory.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	info, err := root.Stat(name)
	if err == nil {
		err = check(name, info)
	}
	if err != nil {
		return nil, err
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	return opened(name, f, err)
}

// opened looks once more, at what was opened: it may have been put there in
// between. Until then nothing waits, because of O_NONBLOCK.
func opened(path string, f *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = check(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func check(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	return nil
}

// Read returns the contents of a regular file of at most limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	return read(path, f, err, limit)
}

// ReadIn returns the contents of a regular file of at most limit bytes, by its
// name in a directory; see OpenIn.
func ReadIn(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := OpenIn(root, name)
	return read(name, f, err, limit)
}

func read(path string, f *os.File, err error, limit int64) (_ []byte, e error) {
	if err != nil {
		return nil, err
	}
	defer func() { e = errors.Join(e, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tooLarge := &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: more than %s", ErrTooLarge, size(limit))}
	if info.Size() > limit {
		return nil, tooLarge
	}
	data := make([]byte, 0, info.Size()+1) // one more, to see the end without growing
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, err
		case int64(len(data)) > limit: // it grows
			return nil, tooLarge
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

// Sum returns the SHA-256 sum of a regular file of any size, without having it in
// memory.
func Sum(path string) (sum [sha256.Size]byte, err error) {
	f, err := Open(path)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	h.Sum(sum[:0])
	return sum, errors.Join(err, f.Close())
}

func size(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}
