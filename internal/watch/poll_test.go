//go:build unix

package watch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// TestPoll: what looking finds, by what happened in between.
func TestPoll(t *testing.T) {
	ev := func(name string, op fsnotify.Op) fsnotify.Event { return fsnotify.Event{Name: name, Op: op} }
	tests := map[string]struct {
		change func(f *fixture)
		want   []fsnotify.Event
	}{
		"nothing": {change: func(*fixture) {}},
		"written, same size": {
			change: func(f *fixture) { f.write("d/a", "two") }, want: []fsnotify.Event{ev("d/a", fsnotify.Write)},
		},
		"written, same time": {
			change: func(f *fixture) {
				info, err := os.Stat(f.path("d/a"))
				if err != nil {
					f.Fatal(err)
				}
				f.write("d/a", "longer")
				f.check(os.Chtimes(f.path("d/a"), info.ModTime(), info.ModTime()))
			},
			want: []fsnotify.Event{ev("d/a", fsnotify.Write)},
		},
		"created": {change: func(f *fixture) { f.write("d/c", "") }, want: []fsnotify.Event{ev("d/c", fsnotify.Create)}},
		"removed": {change: func(f *fixture) { f.check(os.Remove(f.path("d/a"))) }, want: []fsnotify.Event{ev("d/a", fsnotify.Remove)}},
		"another in its place": {
			change: func(f *fixture) {
				f.write("d/new~", "one") // by another name that is not looked at
				f.check(os.Rename(f.path("d/new~"), f.path("d/a")))
			},
			want: []fsnotify.Event{ev("d/a", fsnotify.Create)},
		},
		"mode": {change: func(f *fixture) { f.check(os.Chmod(f.path("d/a"), 0o640)) }, want: []fsnotify.Event{ev("d/a", fsnotify.Chmod)}},
		"owner": {
			change: func(f *fixture) {
				if os.Geteuid() != 0 {
					f.Skip("only root gives files away")
				}
				f.check(os.Chown(f.path("d/a"), 65534, -1))
			},
			want: []fsnotify.Event{ev("d/a", fsnotify.Chmod)},
		},
		"something in a directory in it": {
			change: func(f *fixture) { f.write("d/sub/x", "") },
		},
		"directory in its place": {
			change: func(f *fixture) { f.check(os.Remove(f.path("d/a"))); f.mkdir("d/a") }, want: []fsnotify.Event{ev("d/a", fsnotify.Create)},
		},
		"the target of a link": {change: func(f *fixture) { f.write("far", "changed") }, want: []fsnotify.Event{ev("d/link", fsnotify.Write)}},
		"itself removed":       {change: func(f *fixture) { f.check(os.RemoveAll(f.path("d"))) }, want: []fsnotify.Event{ev("d", fsnotify.Remove)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, "d/a", "d/b", "d/sub/", "far")
			f.check(os.Symlink(f.path("far"), f.path("d/link")))
			past := time.Now().Add(-time.Hour)
			for _, name := range []string{"d/a", "far"} {
				f.check(os.Chtimes(f.path(name), past, past))
			}
			p := newPoller(time.Hour)
			p.add(f.path("d"))
			tt.change(f)
			got := p.look()
			for i := range got {
				got[i].Name, _ = filepath.Rel(f.root, got[i].Name)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
			if again := p.look(); len(again) > 0 {
				t.Errorf("and once more %v", again)
			}
			if err := f.w.fs.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPollIsNotToldTwice: what came as an event is not found again.
func TestPollIsNotToldTwice(t *testing.T) {
	f := newFixture(t, "d/a")
	p := newPoller(time.Hour)
	p.add(f.path("d"))
	f.write("d/a", "changed")
	f.write("d/new", "")
	p.seen(f.path("d/a"))
	p.seen(f.path("d/new"))
	p.seen(f.path("elsewhere/x"))
	if got := p.look(); len(got) > 0 {
		t.Errorf("%v", got)
	}
	f.check(os.Remove(f.path("d/new")))
	p.seen(f.path("d/new"))
	if got := p.look(); len(got) > 0 {
		t.Errorf("%v", got)
	}
	f.check(f.w.fs.Close())
}

// TestSilentFileSystem: changes of which no event comes are found, and they are
// batches as any other, also in directories that appear.
func TestSilentFileSystem(t *testing.T) {
	silent := func(o *Options) {
		o.Silent, o.PollEvery = func(string) bool { return true }, time.Millisecond
	}
	t.Run("written through memory", func(t *testing.T) {
		f := newFixtureWith(t, silent, "d/a.go")
		past := time.Now().Add(-time.Hour)
		f.check(os.Chtimes(f.path("d/a.go"), past, past))
		f.start("d")
		writeThroughMemory(t, f.path("d/a.go"), "two")
		f.batch("d/a.go")
	})
	t.Run("without any events", func(t *testing.T) {
		f := newFixtureWith(t, silent, "d/a.go")
		f.w.tree.notifier = both{deaf{}, f.w.poll, func(string) bool { return true }}
		f.start("d")
		f.write("d/b.go", "new")
		f.batch("d/b.go")
		f.mkdir("elsewhere/sub")
		f.write("elsewhere/sub/c.go", "new")
		f.rename("elsewhere/sub", "d/sub") // a directory, with something in it
		f.batch("d/sub/c.go")
		f.write("d/sub/c.go", "changed")
		f.batch("d/sub/c.go")
		f.check(os.Remove(f.path("d/b.go")))
		f.batch("d/b.go")
	})
}
