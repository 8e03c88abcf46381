// Package watch turns what happens to files into settled batches of changes.
//
// One save is many events: a write, a temporary file renamed over the real one, a backup, a change
// of mode. One branch switch is thousands, and directories vanish and come back in it. Reacting to
// single events builds half-written trees. So events are gathered until nothing has happened for a
// moment, which is short for a single save and longer for many files, and come out as one Batch of
// the files that matter.
//
// The package has four parts that know little of each other: the tree keeps fsnotify watching the
// right directories, the poller looks at those of which no events come, debounce gathers changes
// into batches and knows nothing of files, and the Watcher connects them.
package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// ErrClosed reports a watcher whose Run has ended.
var ErrClosed = errors.New("the file watcher is closed")

// Options says what to watch for, and when a batch has settled.
type Options struct {
	// Relevant says whether a change of path, which is absolute, matters. It is asked before anything
	// else, for every event, so it must be cheap: an application may write its database all the time,
	// and neither wakes anybody nor keeps a batch from settling as long as Relevant says no. It may
	// change its mind over time, and is called from more than one goroutine.
	//
	// It is asked about directories, too: a new directory inside a watched one is watched, with
	// everything in it, if Relevant says yes to its path. Nil means that everything is relevant.
	Relevant func(path string) bool
	// Hold, while it returns what to wait for, keeps a batch from settling: a git checkout is in
	// progress. It is told when the first and the last change of the batch were, and asked only while
	// there is one. Nil means never.
	Hold func(first, last time.Time) string
	// Holding is told, once for each batch, that it has been held for a second, and for what. It must
	// not block.
	Holding func(files []string, what string)

	// Refused is told of a directory that appeared and may not be read, so that changes in it are
	// missed. It must not block. Nil means that nobody is.
	Refused func(error)

	// Attributes says whether a change of nothing but the attributes of path, such as its mode or
	// owner, counts: a file that could not be read may be readable now. Editors and tools change them
	// all the time. It must be quick. Nil means that none does.
	Attributes func(path string) bool

	// Complete says that the files, four at most, are known to be as they were meant to be saved, so
	// that only the events of one save have to be waited for. It must be quick. Nil means that nothing
	// is known.
	Complete func(files []string) bool

	// Silent says whether the file system of a directory does not send events of all changes, so that
	// it has to be looked at. Nil means what the function Silent says.
	Silent func(dir string) bool
	// PollEvery is how often such directories are looked at, at most. The default is 500 ms.
	PollEvery time.Duration

	// Quiet is how long nothing must have happened before a batch of up to four files settles. The
	// default is 10 ms.
	Quiet time.Duration
	// QuietMany is the same for a batch of more files, and for one with a file that is missing or
	// empty, as it is in the middle of a save. The default is 80 ms.
	QuietMany time.Duration
	// MaxWait is when a batch settles although changes keep coming. The default is 2 s.
	MaxWait time.Duration
	// MaxHold is when a batch settles although Hold still says no. The default is a minute.
	MaxHold time.Duration
}

func (o Options) withDefaults() Options {
	if o.Relevant == nil {
		o.Relevant = func(string) bool { return true }
	}
	if o.Hold == nil {
		o.Hold = func(_, _ time.Time) string { return "" }
	}
	if o.Holding == nil {
		o.Holding = func([]string, string) {}
	}
	if o.Refused == nil {
		o.Refused = func(error) {}
	}
	if o.Attributes == nil {
		o.Attributes = func(string) bool { return false }
	}
	if o.Complete == nil {
		o.Complete = func([]string) bool { return false }
	}
	if o.Silent == nil {
		o.Silent = func(dir string) bool { return Silent(dir) != "" }
	}
	o.PollEvery = cmp.Or(o.PollEvery, 500*time.Millisecond)
	o.Quiet = cmp.Or(o.Quiet, 10*time.Millisecond)
	o.QuietMany = cmp.Or(o.QuietMany, 80*time.Millisecond)
	o.MaxWait = cmp.Or(o.MaxWait, 2*time.Second)
	o.MaxHold = cmp.Or(o.MaxHold, time.Minute)
	return o
}

// Batch is what changed between two moments of quiet.
type Batch struct {
	// Files were created, written or removed. They are absolute, sorted and unique. A directory is
	// among them only if it was watched and was removed or moved away, even when there is one of that
	// name again.
	Files []string
	// First is the time of the first event, End that of the decision that the batch is complete.
	First, End time.Time
	// Overflow says that events were lost: everything may have changed.
	Overflow bool
}

// Watcher watches a set of directories. SetDirs may be called at any time, from any goroutine; Run
// must be called once, even if only to give back what New has opened.
type Watcher struct {
	options  Options
	fs       *fsnotify.Watcher
	poll     *poller
	tree     *tree
	newFiles chan struct{} // tells Run that SetDirs came across files; one slot
	batches  chan Batch
}

// New returns a Watcher that watches nothing yet. The error of a system limit says which setting to
// raise.
func New(o Options) (*Watcher, error) {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, explain(err, "watching files")
	}
	o = o.withDefaults()
	poll := newPoller(o.PollEvery)
	w := &Watcher{
		options:  o,
		fs:       fs,
		poll:     poll,
		tree:     newTree(both{fs, poll, o.Silent}, o.Relevant),
		newFiles: make(chan struct{}, 1),
		batches:  make(chan Batch),
	}
	w.tree.refused, w.tree.attributes = o.Refused, o.Attributes
	return w, nil
}

// Batches returns the settled batches. Until it is received a batch grows; there is never a queue.
// The channel is closed when Run returns.
func (w *Watcher) Batches() <-chan Batch { return w.batches }

// SetDirs replaces the set of directories to watch, given by absolute paths. Directories below them
// are not included.
//
// A directory that exists is watched from now on; what is in it already is not a change. So nothing
// is missed by a caller that sets the directories first and reads them afterwards; for one that
// read some first, began are those of them that exist and were not watched before, sorted. One that
// does not exist, or that is deleted and created again, is picked up when it appears, and then the
// files in it are part of the batch. A new directory inside a watched one, which Relevant accepts,
// is watched without being asked for until it is deleted.
//
// An error concerns single directories; the others are watched. The error of a system limit says
// which setting to raise. After Run has ended it is ErrClosed.
func (w *Watcher) SetDirs(dirs []string) (began []string, err error) {
	began, err = w.tree.set(dirs)
	if errors.Is(err, fsnotify.ErrClosed) {
		return nil, ErrClosed
	}
	select {
	case w.newFiles <- struct{}{}:
	default: // Run has not looked since the last time
	}
	return began, err
}

// Run watches until ctx ends, and then returns nil; any other error means that changes would be
// missed from now on. It gives back everything that New has opened, and closes Batches.
func (w *Watcher) Run(ctx context.Context) (err error) {
	changes := make(chan change)
	lost, failed := make(chan struct{}, 1), make(chan error, 1)
	ended := make(chan struct{})
	var parts sync.WaitGroup
	polling, stop := context.WithCancel(ctx)
	parts.Go(func() { w.poll.run(polling) })
	parts.Go(func() { debounce(ctx, w.options, changes, w.batches, missingOrEmpty) })
	parts.Go(func() { w.receiveErrors(lost, failed, ended) })
	defer func() {
		stop()
		close(changes)
		close(ended)
		parts.Wait()
		err = errors.Join(err, w.fs.Close())
	}()
	for {
		var c change
		select {
		case <-ctx.Done():
			return nil
		case event := <-w.fs.Events:
			w.poll.seen(event.Name)
			c.files, err = w.tree.handle(event)
		case event := <-w.poll.events:
			c.files, err = w.tree.handle(event)
		case <-w.newFiles:
			c.files = w.tree.popNewFiles()
		case <-lost:
			c.lost = true
			err = w.tree.reset()
		case err = <-failed:
		}
		if err != nil {
			return fmt.Errorf("watching files: %w", err)
		}
		if c.lost || len(c.files) > 0 {
			select {
			case changes <- c:
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// receiveErrors sorts what fsnotify reports. It never waits for anybody: fsnotify may be holding
// the lock that the tree needs.
func (w *Watcher) receiveErrors(lost chan<- struct{}, failed chan<- error, ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case err := <-w.fs.Errors:
			switch {
			case errors.Is(err, fsnotify.ErrEventOverflow):
				select {
				case lost <- struct{}{}:
				default: // known already
				}
			case errors.Is(err, syscall.EINVAL):
				// fsnotify removed the watch of a directory that was moved, and the directory was gone. The
				// event of the move comes as well.
			default:
				select {
				case failed <- err:
				default: // the first one ends Run
				}
			}
		}
	}
}
