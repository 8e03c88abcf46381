package watch

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"

	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// notifier is the part of fsnotify.Watcher that the tree needs.
type notifier interface {
	Add(dir string) error
	Remove(dir string) error
}

// tree keeps a notifier watching a set of directories while they come and go.
//
// A watch belongs to an inode, not to a path: a directory that is deleted and created again, or
// moved away with the one above it, has to be watched again. So besides the wanted directories, the
// tree watches those between two wanted ones, and for each one that is missing the nearest
// directory above it that exists. A change to any of those leads to forget and place.
//
// All methods are safe for concurrent use.
type tree struct {
	notifier notifier
	relevant func(path string) bool
	refused  func(error) // told of a directory that may not be read
	// attributes is asked about a change of nothing but attributes.
	attributes func(path string) bool

	mu       sync.Mutex
	wanted   set               // asked for; everything below is guarded by mu
	adopted  set               // appeared inside a wanted or adopted directory
	above    set               // every directory above a wanted one
	between  set               // those of them that are below another wanted one
	missing  map[string]string // wanted directory → nearest existing one above it
	watched  set               // what the notifier watches
	newFiles []string          // files in wanted directories that appeared during set
}

type set map[string]struct{}

func (s set) has(path string) bool { _, ok := s[path]; return ok }
func (s set) add(path string)      { s[path] = struct{}{} }

func newTree(n notifier, relevant func(string) bool) *tree {
	return &tree{
		refused:    func(error) {},
		attributes: func(string) bool { return false },
		notifier:   n, relevant: relevant,
		wanted: set{}, adopted: set{}, above: set{}, between: set{}, watched: set{},
		missing: map[string]string{},
	}
}

// set replaces the wanted directories, and returns those that are reported from now on and were not
// before.
func (t *tree) set(dirs []string) (began []string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := set{}
	for _, d := range t.reported() {
		if t.watched.has(d) {
			before.add(d)
		}
	}
	t.wanted, t.above, t.between = set{}, set{}, set{}
	for _, d := range dirs {
		d = filepath.Clean(d)
		t.wanted.add(d)
		delete(t.adopted, d)
	}
	for d := range t.wanted {
		var passed []string
		for a := filepath.Dir(d); ; a = filepath.Dir(a) {
			if t.wanted.has(a) {
				for _, p := range passed {
					t.between.add(p)
				}
				passed = nil
			}
			t.above.add(a)
			passed = append(passed, a)
			if a == filepath.Dir(a) {
				break
			}
		}
	}
	maps.DeleteFunc(t.missing, func(d, _ string) bool { return !t.wanted.has(d) })
	maps.DeleteFunc(t.adopted, func(d string, _ struct{}) bool { return !t.belowWanted(d) })
	var errs []error
	for _, d := range slices.Sorted(maps.Keys(t.wanted)) {
		if t.watched.has(d) {
			continue
		}
		files, err := t.watchOrAbove(d, false)
		t.newFiles = append(t.newFiles, files...)
		errs = append(errs, err)
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) {
			break // so it will be for all the others
		}
	}
	for _, d := range slices.Sorted(maps.Keys(t.between)) {
		if err := t.watch(d); err != nil && !vanished(err) {
			errs = append(errs, err)
		}
	}
	t.prune()
	for _, d := range t.reported() {
		if t.watched.has(d) && !before.has(d) {
			began = append(began, d)
		}
	}
	return began, errors.Join(errs...)
}

// belowWanted reports whether an adopted directory is still inside a wanted one, with nothing but
// adopted ones between them.
func (t *tree) belowWanted(dir string) bool {
	for a := filepath.Dir(dir); ; a = filepath.Dir(a) {
		if t.wanted.has(a) {
			return true
		}
		if !t.adopted.has(a) {
			return false
		}
	}
}

// popNewFiles returns the files that set came across in directories that were created at the same
// moment.
func (t *tree) popNewFiles() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	files := t.newFiles
	t.newFiles = nil
	return files
}

// handle returns the relevant files that an event is about.
func (t *tree) handle(event fsnotify.Event) (files []string, err error) {
	path := filepath.Clean(event.Name)
	attributes := event.Op&^fsnotify.Chmod == 0
	relevant := t.accepts(path)
	t.mu.Lock()
	defer t.mu.Unlock()
	if attributes && (!relevant && !t.reports(path) && !t.above.has(path) || !t.attributes(path)) {
		return nil, nil
	}
	// A directory that may be read again is as one that appears.
	appeared := event.Has(fsnotify.Create) || attributes && isDir(path)
	structural := (appeared || event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename)) &&
		(t.reports(path) || t.above.has(path))
	if structural {
		files, err = t.replace(path, !appeared)
	}
	if err != nil || !relevant || !t.reports(filepath.Dir(path)) {
		return files, err
	}
	if appeared && !t.reports(path) {
		// A link to a directory is not followed: it may lead anywhere.
		if info, err := os.Lstat(path); err == nil && info.IsDir() {
			inside, err := t.adopt(path)
			return append(files, inside...), err
		}
	}
	if !structural {
		files = []string{path}
	}
	return files, nil
}

// accepts reports whether a change of path can be part of a batch.
func (t *tree) accepts(path string) bool { return t.relevant(path) && !Temporary(path) }

// reports tells the directories whose files are reported from those that are watched for their
// structure.
func (t *tree) reports(dir string) bool { return t.wanted.has(dir) || t.adopted.has(dir) }

// replace deals with a directory that appeared, vanished or was exchanged, and everything below it.
// It returns the files in what is there now and, if the directory is gone, or was for a moment, the
// directories of the set that went with it.
func (t *tree) replace(path string, gone bool) (files []string, err error) {
	for d := range t.watched {
		if !paths.Below(d, path) {
			continue
		}
		_ = t.notifier.Remove(d) // it may be gone already
		delete(t.watched, d)
		if gone && t.reports(d) {
			files = append(files, d)
		}
		if !isDir(d) {
			delete(t.adopted, d)
		}
	}
	var errs []error
	for _, d := range t.reported() {
		if paths.Below(d, path) {
			inside, err := t.watchOrAbove(d, true)
			files, errs = append(files, inside...), append(errs, t.tolerate(err))
		}
	}
	t.prune()
	return files, errors.Join(errs...)
}

// reset watches everything again, after events were lost.
func (t *tree) reset() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for d := range t.watched {
		_ = t.notifier.Remove(d)
	}
	clear(t.watched)
	maps.DeleteFunc(t.adopted, func(d string, _ struct{}) bool { return !isDir(d) })
	var errs []error
	for _, d := range t.reported() {
		_, err := t.watchOrAbove(d, true)
		errs = append(errs, t.tolerate(err))
	}
	t.prune()
	return errors.Join(errs...)
}

// reported returns the wanted and adopted directories, sorted.
func (t *tree) reported() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for _, s := range []set{t.wanted, t.adopted} {
			for d := range s {
				if !yield(d) {
					return
				}
			}
		}
	})
}

// watchOrAbove watches a wanted or adopted directory or, while it does not exist or may not be
// read, what is above it. If it has just appeared the relevant files in it are returned.
func (t *tree) watchOrAbove(dir string, appeared bool) (files []string, err error) {
	for {
		for a := filepath.Dir(dir); t.between.has(a); a = filepath.Dir(a) {
			if err := t.watch(a); err != nil && !vanished(err) {
				return nil, err
			}
		}
		err := t.watch(dir)
		if err == nil {
			delete(t.missing, dir)
			if appeared {
				return t.scan(dir)
			}
			return nil, nil
		}
		if !vanished(err) {
			t.watchAbove(dir, err)
			return nil, err
		}
		if t.adopted.has(dir) {
			delete(t.adopted, dir)
			return nil, nil
		}
		a := filepath.Dir(dir)
		for !isDir(a) && a != filepath.Dir(a) {
			a = filepath.Dir(a)
		}
		if err := t.watch(a); err != nil && !vanished(err) {
			t.watchAbove(dir, err)
			return nil, err
		}
		t.missing[dir] = a
		// What was created before the watch was there is seen only by looking.
		next := a
		for next != dir && isDir(next) {
			a, next = next, nextBelow(next, dir)
		}
		if t.watched.has(a) && !isDir(next) {
			return nil, nil
		}
		appeared = true
	}
}

// watchAbove watches the nearest directory above a wanted one that may be read, if the error is
// that the wanted one may not: there the event comes when it may.
func (t *tree) watchAbove(dir string, err error) {
	if !errors.Is(err, fs.ErrPermission) || !t.wanted.has(dir) { // what is above an adopted one is watched
		return
	}
	for a := filepath.Dir(dir); a != filepath.Dir(a); a = filepath.Dir(a) {
		if t.watch(a) == nil {
			t.missing[dir] = a
			return
		}
	}
}

// scan returns the relevant files in a directory that has just appeared, and adopts the relevant
// directories.
func (t *tree) scan(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if vanished(err) {
			return nil, nil // the event of that will come
		}
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case !t.accepts(path):
		case !e.IsDir():
			files = append(files, path)
		case !t.wanted.has(path):
			inside, err := t.adopt(path)
			if err != nil {
				return nil, err
			}
			files = append(files, inside...)
		}
	}
	return files, nil
}

// adopt watches a new directory inside one that is watched.
func (t *tree) adopt(dir string) (files []string, err error) {
	t.adopted.add(dir)
	files, err = t.watchOrAbove(dir, true)
	return files, t.tolerate(err)
}

// tolerate takes an error that is about one directory only, which this user may not read: the
// others are watched.
func (t *tree) tolerate(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		t.refused(err)
		return nil
	}
	return err
}

// watch makes the notifier watch a directory.
func (t *tree) watch(dir string) error {
	if t.watched.has(dir) {
		return nil
	}
	if !isDir(dir) { // the notifier would watch a file
		return &fs.PathError{Op: "watch", Path: dir, Err: fs.ErrNotExist}
	}
	if err := t.notifier.Add(dir); err != nil {
		return explain(err, "watching "+dir)
	}
	t.watched.add(dir)
	return nil
}

// prune stops watching what is not needed any more.
func (t *tree) prune() {
	needed := set{}
	for _, a := range t.missing {
		needed.add(a)
	}
	for d := range t.watched {
		if !t.reports(d) && !t.between.has(d) && !needed.has(d) {
			_ = t.notifier.Remove(d)
			delete(t.watched, d)
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// vanished reports the error of a directory that is not there.
func vanished(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// nextBelow returns the directory one step from dir towards path.
func nextBelow(dir, path string) string {
	rest, _ := filepath.Rel(dir, path)
	first, _, _ := strings.Cut(rest, string(filepath.Separator))
	return filepath.Join(dir, first)
}
