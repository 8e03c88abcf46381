package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fixture is a Watcher that runs, on real files. Its batches are held while
// during makes changes, so that it does not matter how slowly the machine
// delivers the events.
type fixture struct {
	*testing.T
	w      *Watcher
	root   string
	hold   atomic.Bool
	ignore func(path string) bool // Relevant says no; nil: none

	mu    sync.Mutex
	marks map[string]chan struct{} // closed when Relevant has been asked
	count int
}

// newFixture makes files, and directories where the name ends with a slash.
func newFixture(t *testing.T, existing ...string) *fixture {
	t.Helper()
	return newFixtureWith(t, func(*Options) {}, existing...)
}

// newFixtureWith is newFixture with other options.
func newFixtureWith(t *testing.T, change func(*Options), existing ...string) *fixture {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{T: t, root: root, marks: map[string]chan struct{}{}}
	o := Options{Relevant: f.relevant, Hold: f.holds}
	change(&o)
	f.w, err = New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range existing {
		f.mkdir(filepath.Dir(name + "x"))
		if !strings.HasSuffix(name, "/") {
			f.write(name, "one")
		}
	}
	return f
}

// start watches directories and runs the Watcher until the test ends.
func (f *fixture) start(dirs ...string) *fixture {
	f.Helper()
	f.set(dirs...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.w.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			f.Errorf("Run: %v", err)
		}
		if b, ok := <-f.w.Batches(); ok {
			f.Errorf("a batch that nobody expects: %q", b.Files)
		}
	})
	return f
}

func (f *fixture) holds(_, _ time.Time) string {
	if f.hold.Load() {
		return "the test"
	}
	return ""
}

func (f *fixture) relevant(path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if asked, ok := f.marks[path]; ok {
		close(asked)
		delete(f.marks, path)
	}
	return !strings.HasPrefix(filepath.Base(path), "mark-") && (f.ignore == nil || !f.ignore(path))
}

// during makes changes and waits until their events have arrived.
func (f *fixture) during(change func()) {
	f.Helper()
	f.hold.Store(true)
	defer f.hold.Store(false)
	change()
	f.count++
	mark := filepath.Join(f.root, fmt.Sprintf("mark-%d", f.count))
	asked := make(chan struct{})
	f.mu.Lock()
	f.marks[mark] = asked
	f.mu.Unlock()
	f.write(mark, "")
	<-asked // events come in order
}

// batch expects one batch with exactly these files.
func (f *fixture) batch(want ...string) Batch {
	f.Helper()
	b := <-f.w.Batches()
	var got []string
	for _, path := range b.Files {
		rel, err := filepath.Rel(f.root, path)
		if err != nil || !filepath.IsAbs(path) {
			f.Errorf("%q is not absolute", path)
		}
		got = append(got, rel)
	}
	if !slices.Equal(got, want) || b.Overflow || b.First.After(b.End) {
		f.Errorf("batch %+v; want %q", b, want)
	}
	return b
}

func (f *fixture) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(f.root, name)
}

func (f *fixture) check(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) set(dirs ...string) {
	f.Helper()
	for i, d := range dirs {
		dirs[i] = f.path(d)
	}
	_, err := f.w.SetDirs(dirs)
	f.check(err)
}

func (f *fixture) mkdir(name string) { f.Helper(); f.check(os.MkdirAll(f.path(name), 0o700)) }
func (f *fixture) write(name, text string) {
	f.Helper()
	f.check(os.WriteFile(f.path(name), []byte(text), 0o600))
}
func (f *fixture) rename(from, to string) { f.Helper(); f.check(os.Rename(f.path(from), f.path(to))) }
func (f *fixture) remove(name string)     { f.Helper(); f.check(os.RemoveAll(f.path(name))) }
func (f *fixture) chmod(name string)      { f.Helper(); f.check(os.Chmod(f.path(name), 0o640)) }

func TestSavesOfEditorsAreOneBatchWithTheRealFile(t *testing.T) {
	for name, save := range map[string]func(f *fixture){
		"plain write": func(f *fixture) { f.write("x.go", "two") },
		"atomic": func(f *fixture) {
			f.write(".x.go.a1b2c3.tmp", "two")
			f.rename(".x.go.a1b2c3.tmp", "x.go")
			f.chmod("x.go")
		},
		"write and move": func(f *fixture) { f.write("x.go~", "two"); f.rename("x.go~", "x.go") },
		"vim": func(f *fixture) {
			f.write(".x.go.swp", "swap")
			f.write(".x.go.swx", "swap")
			f.remove(".x.go.swx")
			f.write("4913", "")
			f.remove("4913")
			f.rename("x.go", "x.go~")
			f.write("x.go", "two")
			f.chmod("x.go")
			f.remove("x.go~")
			f.remove(".x.go.swp")
		},
		"emacs": func(f *fixture) {
			f.check(os.Symlink("me@host.1", f.path(".#x.go")))
			f.write("#x.go#", "two")
			f.rename("x.go", "x.go~")
			f.write("x.go", "two")
			f.remove("#x.go#")
			f.remove(".#x.go")
		},
		"jetbrains": func(f *fixture) {
			f.write("x.go___jb_tmp___", "two")
			f.rename("x.go", "x.go___jb_old___")
			f.rename("x.go___jb_tmp___", "x.go")
			f.remove("x.go___jb_old___")
		},
		"sed -i": func(f *fixture) { f.write("sedAb12xY", "two"); f.rename("sedAb12xY", "x.go") },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, "x.go").start(".")
			f.during(func() { save(f) })
			f.batch("x.go")
		})
	}
}

func TestRemovedFileIsInTheBatch(t *testing.T) {
	f := newFixture(t, "a/").start(".", "a")
	f.during(func() { f.write("a/x.go", "one") })
	f.batch("a/x.go")
	f.during(func() { f.remove("a/x.go") })
	f.batch("a/x.go")
}

func TestNothingButChmodIsNoBatch(t *testing.T) {
	f := newFixture(t, "x.go").start(".")
	f.during(func() { f.chmod("x.go") })
	f.during(func() { f.write("y.go", "one") })
	f.batch("y.go")
}

// deaf is a notifier of a file system that tells nothing.
type deaf struct{}

func (deaf) Add(string) error    { return nil }
func (deaf) Remove(string) error { return nil }

// TestAttributes: a change of nothing but attributes is a batch while somebody
// wants it, and nobody is asked about files that do not matter.
func TestAttributes(t *testing.T) {
	for name, silent := range map[string]bool{"told": false, "found by looking": true} {
		t.Run(name, func(t *testing.T) {
			var wanted atomic.Bool
			var asked atomic.Int32
			f := newFixtureWith(t, func(o *Options) {
				o.Attributes = func(string) bool { asked.Add(1); return wanted.Load() }
				o.Silent, o.PollEvery = func(string) bool { return silent }, time.Millisecond
			}, "x.go", "app.db", "dir/y.go")
			f.ignore = func(path string) bool { return filepath.Base(path) == "app.db" }
			if silent {
				f.w.tree.notifier = both{deaf{}, f.w.poll, func(string) bool { return true }}
			}
			f.start(".", "dir")
			f.during(func() { f.chmod("x.go") })
			f.during(func() { f.write("z.go", "one") })
			f.batch("z.go")
			if asked.Load() == 0 {
				t.Error("nobody was asked")
			}
			wanted.Store(true)
			asked.Store(0)
			f.during(func() { f.chmod("app.db") })
			if n := asked.Load(); n > 0 {
				t.Errorf("asked %d times about a file that does not matter", n)
			}
			f.during(func() { f.check(os.Chmod(f.path("x.go"), 0o600)) })
			f.batch("x.go")
			f.during(func() { f.check(os.Chmod(f.path("dir"), 0o755)) })
			f.batch("dir/y.go")
		})
	}
}

func TestIrrelevantFilesWakeNobody(t *testing.T) {
	f := newFixture(t)
	f.ignore = func(path string) bool { return strings.Contains(filepath.Base(path), ".db") }
	f.start(".")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // the application writes its database all the time
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				f.write("app.db", "row")
				f.write("app.db-journal", "row")
				f.remove("app.db-journal")
				time.Sleep(time.Millisecond)
			}
		}
	}()
	f.during(func() { f.write("x.go", "one") })
	f.batch("x.go") // and nothing of the database
	close(stop)
	<-stopped
}

func TestManyFilesWrittenAreOneBatch(t *testing.T) {
	f := newFixture(t, "a/", "b/").start(".", "a", "b")
	var want []string
	f.during(func() {
		for i := range 300 {
			name := fmt.Sprintf("%c/f%03d.go", "ab"[i%2], i)
			want = append(want, name)
			f.write(name, "package x")
		}
	})
	slices.Sort(want)
	f.batch(want...)
}

func TestDirectoriesThatAreNotWatchedAreSilent(t *testing.T) {
	f := newFixture(t, "other/", "later/").start(".")
	f.during(func() { f.write("x.go", "one") })
	f.batch("x.go")
	f.set(".", "later")
	f.during(func() { f.write("other/x.go", "one"); f.write("later/x.go", "one") })
	f.batch("later/x.go")
	f.set(".")
	f.during(func() { f.write("later/x.go", "two"); f.write("y.go", "one") })
	f.batch("y.go")
}

func TestDirectoryThatAppears(t *testing.T) {
	f := newFixture(t).start(".", "one/two/three")
	f.during(func() {
		f.mkdir("one/two/three")
		f.write("one/two/three/x.go", "one")
	})
	f.batch("one/two/three/x.go")
	f.during(func() { f.write("one/two/three/y.go", "one") })
	f.batch("one/two/three/y.go")
}

func TestDirectoryThatAppearsOutsideOfAllOthers(t *testing.T) {
	f := newFixture(t)
	elsewhere := t.TempDir()
	lib := filepath.Join(elsewhere, "deep", "lib")
	f.start(".", lib)
	f.during(func() {
		f.write(filepath.Join(elsewhere, "x.go"), "the directory above is not watched for its files")
		f.mkdir(lib)
		f.write(filepath.Join(elsewhere, "deep", "x.go"), "nor this one")
	})
	// Whether the file is there before or after the directory has been noticed
	// makes no difference.
	f.write(filepath.Join(lib, "x.go"), "one")
	if b := <-f.w.Batches(); !slices.Equal(b.Files, []string{filepath.Join(lib, "x.go")}) {
		t.Errorf("%q", b.Files)
	}
}

func TestNewDirectoryInsideAWatchedOne(t *testing.T) {
	f := newFixture(t)
	f.ignore = func(path string) bool { return strings.Contains(path, "node_modules") }
	f.start(".")
	f.during(func() {
		f.mkdir("a/b")
		f.write("a/b/x.go", "one")
		f.mkdir("node_modules")
		f.write("node_modules/x.go", "one")
		f.check(os.Symlink(f.root, f.path("link")))
	})
	f.batch("a/b/x.go", "link")
	f.set(".") // does not make the watcher forget it
	f.during(func() { f.write("a/y.go", "one") })
	f.batch("a/y.go")
	f.set(".", "a/b")
	f.during(func() { f.remove("a") })
	f.batch("a", "a/b", "a/b/x.go", "a/y.go")
	f.during(func() { f.mkdir("a/b"); f.write("a/b/z.go", "one") })
	f.batch("a/b/z.go")
}

func TestDirectoryDeletedAndCreatedAgain(t *testing.T) {
	f := newFixture(t, "a/b/x.go").start(".", "a/b")
	for range 3 {
		f.during(func() { f.remove("a") })
		if b := <-f.w.Batches(); !slices.Contains(b.Files, f.path("a/b")) || !slices.Contains(b.Files, f.path("a/b/x.go")) {
			t.Errorf("%q", b.Files)
		}
		f.during(func() { f.mkdir("a/b"); f.write("a/b/x.go", "one") })
		f.batch("a/b/x.go")
		f.during(func() { f.write("a/b/x.go", "two") })
		f.batch("a/b/x.go")
	}
}

func TestDirectoryExchangedAtOnce(t *testing.T) {
	f := newFixture(t, "a/b/x.go").start(".", "a/b")
	f.during(func() { // the directory above the watched one is another one now
		f.rename("a", filepath.Join(f.TempDir(), "old"))
		f.mkdir("a/b")
		f.write("a/b/y.go", "one")
	})
	f.batch("a/b", "a/b/y.go")
	f.during(func() { f.write("a/b/y.go", "two") })
	f.batch("a/b/y.go")
}

func TestDirectoryRenamedIntoAnotherWatchedOne(t *testing.T) {
	f := newFixture(t, "a/b/x.go").start(".", "a/b", "c/b")
	f.during(func() { f.rename("a", "c") })
	f.batch("a/b", "c/b/x.go")
	f.during(func() { f.write("c/b/x.go", "two") })
	f.batch("c/b/x.go")
	f.during(func() { f.rename("c", "a") })
	f.batch("a/b/x.go", "c", "c/b")
	f.during(func() { f.write("a/b/x.go", "three") })
	f.batch("a/b/x.go")
}

func TestTheWholeTreeMovedAway(t *testing.T) {
	f := newFixture(t, "work/a/x.go").start("work/a")
	f.rename("work/a", "elsewhere")
	if b := <-f.w.Batches(); !slices.Equal(b.Files, []string{f.path("work/a")}) {
		t.Errorf("%q", b.Files)
	}
	f.rename("elsewhere", "work/a")
	if b := <-f.w.Batches(); !slices.Equal(b.Files, []string{f.path("work/a/x.go")}) {
		t.Errorf("%q", b.Files)
	}
}

func TestBusyReaderOfRealFiles(t *testing.T) {
	f := newFixture(t).start(".")
	f.during(func() { f.write("a.go", "one") })
	f.during(func() { f.write("b.go", "one") })
	f.during(func() { f.write("c.go", "one") })
	// Two of them have settled at the latest when a third change has been seen.
	var got []string
	for len(got) < 3 {
		got = append(got, (<-f.w.Batches()).Files...)
	}
	if want := []string{f.path("a.go"), f.path("b.go"), f.path("c.go")}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSetDirsAfterTheEnd(t *testing.T) {
	w, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
	if _, ok := <-w.Batches(); ok {
		t.Error("Batches is open")
	}
	if _, err := w.SetDirs([]string{t.TempDir()}); !errors.Is(err, ErrClosed) {
		t.Errorf("SetDirs: %v", err)
	}
}

// TestMovedAwayAndMadeAgain: something is made in the place of a tree that was
// moved away, and makes room when it comes back.
func TestMovedAwayAndMadeAgain(t *testing.T) {
	f := newFixture(t, "work/a/x.go", "work/a/sub/y.go").start("work/a", "work/a/sub")
	f.rename("work/a", "elsewhere")
	f.mkdir("work/a/out")
	f.check(os.RemoveAll(f.path("work/a")))
	f.rename("elsewhere", "work/a")
	// When it is watched again cannot be seen from here, and if it all went fast
	// nobody has noticed that it was away: so write until both writes are noticed.
	x, y := false, false
	for round := 0; !x || !y; {
		select {
		case b := <-f.w.Batches():
			x = x || slices.Contains(b.Files, f.path("work/a/x.go"))
			y = y || slices.Contains(b.Files, f.path("work/a/sub/y.go"))
		case <-time.After(50 * time.Millisecond):
			if round++; round > 600 {
				t.Fatalf("not watched any more: x.go seen: %v, sub/y.go seen: %v", x, y)
			}
			f.write("work/a/x.go", strconv.Itoa(round))
			f.write("work/a/sub/y.go", strconv.Itoa(round))
		}
	}
}
