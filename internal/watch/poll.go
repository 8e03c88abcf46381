package watch

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pollShare is what part of the time looking may take: one twentieth.
const pollShare = 20

// poller finds out about changes by looking at directories again and again, where the file system
// does not send events of all of them: those that another machine made, the host of a virtual
// machine or a container, or a server. It is safe for concurrent use.
type poller struct {
	every  time.Duration
	events chan fsnotify.Event

	mu   sync.Mutex // guards dirs
	dirs map[string]map[string]stamp
}

// stamp tells whether a file is as it was. Of a directory only the identity counts: what is in it
// is looked at by itself, if at all.
type stamp struct {
	size  int64
	time  time.Time
	mode  fs.FileMode
	inode uint64
	owner owner
}

// owner is the user and the group that a file belongs to.
type owner struct{ user, group uint32 }

func newPoller(every time.Duration) *poller {
	return &poller{every: every, events: make(chan fsnotify.Event), dirs: map[string]map[string]stamp{}}
}

// add polls a directory from now on; what is in it already is not a change.
func (p *poller) add(dir string) {
	now, _ := stamps(dir)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirs[dir] = now
}

func (p *poller) remove(dir string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.dirs, dir)
}

// run looks until ctx ends. Between two looks it waits a while, and at least twenty times as long
// as the last one took.
func (p *poller) run(ctx context.Context) {
	timer := time.NewTimer(p.every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		begun := time.Now()
		events := p.look()
		took := time.Since(begun)
		for _, e := range events {
			select {
			case p.events <- e:
			case <-ctx.Done():
				return
			}
		}
		timer.Reset(max(p.every, pollShare*took))
	}
}

// look returns what has changed since the last time, as the events that were missing.
func (p *poller) look() []fsnotify.Event {
	p.mu.Lock()
	dirs := slices.Sorted(maps.Keys(p.dirs))
	p.mu.Unlock()
	var events []fsnotify.Event
	for _, dir := range dirs {
		now, err := stamps(dir)
		p.mu.Lock()
		was, ok := p.dirs[dir]
		switch {
		case !ok: // removed meanwhile
		case err != nil && !vanished(err): // the server cannot be reached, perhaps
		case err != nil:
			delete(p.dirs, dir)
			events = append(events, fsnotify.Event{Name: dir, Op: fsnotify.Remove})
		default:
			p.dirs[dir] = now
			events = append(events, differences(dir, was, now)...)
		}
		p.mu.Unlock()
	}
	return events
}

// seen notes an event of the file system, so that polling does not send it again.
func (p *poller) seen(path string) {
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	p.mu.Lock()
	_, ok := p.dirs[dir]
	p.mu.Unlock()
	if !ok {
		return
	}
	now, err := stampOf(path)
	p.mu.Lock()
	defer p.mu.Unlock()
	was, ok := p.dirs[dir]
	if !ok {
		return
	}
	if was == nil {
		was = map[string]stamp{}
		p.dirs[dir] = was
	}
	if err != nil {
		delete(was, name)
	} else {
		was[name] = now
	}
}

func differences(dir string, was, now map[string]stamp) []fsnotify.Event {
	var events []fsnotify.Event
	add := func(name string, op fsnotify.Op) {
		events = append(events, fsnotify.Event{Name: filepath.Join(dir, name), Op: op})
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if _, ok := now[name]; !ok {
			add(name, fsnotify.Remove)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		n := now[name]
		w, ok := was[name]
		switch {
		case !ok, w.inode != n.inode, w.mode.Type() != n.mode.Type():
			add(name, fsnotify.Create)
		case w.size != n.size || !w.time.Equal(n.time):
			add(name, fsnotify.Write)
		case w.mode != n.mode, w.owner != n.owner:
			add(name, fsnotify.Chmod)
		}
	}
	return events
}

// stamps returns the stamps of what is in a directory.
func stamps(dir string) (map[string]stamp, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := make(map[string]stamp, len(entries))
	for _, e := range entries {
		if Temporary(e.Name()) {
			continue
		}
		if s, err := stampOf(filepath.Join(dir, e.Name())); err == nil {
			out[e.Name()] = s
		}
	}
	return out, nil
}

// stampOf returns the stamp of a file, or of what a link to one leads to.
func stampOf(path string) (stamp, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return stamp{}, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if to, err := os.Stat(path); err == nil && !to.IsDir() {
			info = to
		}
	}
	if info.IsDir() {
		return stamp{mode: info.Mode(), inode: inode(info), owner: ownerOf(info)}, nil
	}
	return stamp{size: info.Size(), time: info.ModTime(), mode: info.Mode(), inode: inode(info), owner: ownerOf(info)}, nil
}

// both is a notifier that also looks at directories whose file system does not send all events.
type both struct {
	events notifier
	poll   *poller
	silent func(dir string) bool
}

// Add watches a directory.
func (b both) Add(dir string) error {
	silent := b.silent(dir)
	if silent {
		b.poll.add(dir)
	}
	err := b.events.Add(dir)
	if silent && !vanished(err) {
		return nil // it need not be possible there
	}
	return err
}

// Remove ends that.
func (b both) Remove(dir string) error {
	b.poll.remove(dir)
	return b.events.Remove(dir)
}
