package launch

import (
	"errors"
	"os"
	"strings"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
)

// keptSockets are the listening sockets that the application opened itself. The engine has copies,
// so that they are bound while one process replaces another, or is started again.
type keptSockets struct {
	mu    sync.Mutex      // guards what follows
	shelf *takeover.Shelf // of the process that went live last; nil: there was none, or it cannot have one
}

// files returns copies of the sockets for a process, and what to say to it about them; first is the
// number of the first file.
func (k *keptSockets) files(first int) (files []*os.File, told []control.KeptSocket, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shelf == nil {
		return nil, nil, nil
	}
	for _, name := range k.shelf.Names() {
		_, err := k.shelf.Use(name, func(f *os.File) error {
			copied, err := dupFile(f, "listening socket "+name)
			if err == nil {
				told = append(told, control.KeptSocket{Name: name, FD: first + len(files)})
				files = append(files, copied)
			}
			return err
		})
		if err != nil {
			closeAll(files)
			return nil, nil, err
		}
	}
	return files, told, nil
}

// replace keeps the sockets of a process in place of those of the one before: what that had alone
// is given back. Shelf may be nil.
func (k *keptSockets) replace(shelf *takeover.Shelf) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.shelf
	if k.shelf = shelf; old == nil || old == shelf {
		return
	}
	still := map[string]bool{}
	if shelf != nil {
		for _, name := range shelf.Names() {
			still[name] = true
		}
	}
	for _, name := range old.Names() {
		if path, unix := strings.CutPrefix(name, "unix "); unix && !still[name] {
			removeSocket(path)
		}
	}
	old.Empty() // the process may have something to say yet
}

// drop gives back the sockets of a process that is over, unless they are those to keep.
func (k *keptSockets) drop(shelf *takeover.Shelf) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if shelf != nil && shelf != k.shelf {
		shelf.Close()
	}
}

// removeSocket removes the file of a Unix socket, and nothing else.
func removeSocket(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
		_ = os.Remove(path)
	}
}

// openShelf is takeover.OpenShelf; nil where the system has none.
func openShelf() (*takeover.Shelf, *os.File, error) {
	shelf, end, err := takeover.OpenShelf()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil, nil
	}
	return shelf, end, err
}
