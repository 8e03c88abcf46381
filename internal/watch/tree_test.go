package watch

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/fsnotify/fsnotify"
)

// fakeNotifier remembers what is watched, and fails on request.
type fakeNotifier struct {
	dirs set
	fail map[string]error
}

func (n *fakeNotifier) Add(dir string) error {
	if err := n.fail[dir]; err != nil {
		return err
	}
	n.dirs.add(dir)
	return nil
}

func (n *fakeNotifier) Remove(dir string) error {
	if !n.dirs.has(dir) {
		return fsnotify.ErrNonExistentWatch
	}
	delete(n.dirs, dir)
	return nil
}

func fakeTree(t *testing.T, dirs ...string) (root string, n *fakeNotifier, tr *tree) {
	t.Helper()
	root = t.TempDir()
	for _, d := range dirs {
		if err := os.MkdirAll(filepath.Join(root, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	n = &fakeNotifier{dirs: set{}, fail: map[string]error{}}
	return root, n, newTree(n, func(string) bool { return true })
}

func (n *fakeNotifier) expect(t *testing.T, root string, want ...string) {
	t.Helper()
	var got []string
	for _, d := range slices.Sorted(maps.Keys(n.dirs)) {
		rel, err := filepath.Rel(root, d)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rel)
	}
	if !slices.Equal(got, want) {
		t.Errorf("watched: %q, want %q", got, want)
	}
}

func TestTreeWatchesWhatItNeedsAndNoMore(t *testing.T) {
	root, n, tr := fakeTree(t, "a/b/c", "x/y")
	p := func(name string) string { return filepath.Join(root, name) }
	for _, step := range []struct {
		set, want, began []string
	}{
		{[]string{"a/b/c"}, []string{"a/b/c"}, []string{"a/b/c"}},
		{[]string{"a/b/c", "."}, []string{".", "a", "a/b", "a/b/c"}, []string{"."}},
		{[]string{"a/b/c", "a/b", "."}, []string{".", "a", "a/b", "a/b/c"}, []string{"a/b"}}, // watched before, for what is below
		{[]string{"a/b/c", "x/y/z/missing"}, []string{"a/b/c", "x/y"}, nil},
		{[]string{"x/y/"}, []string{"x/y"}, []string{"x/y"}},
		{nil, nil, nil},
	} {
		var dirs []string
		for _, d := range step.set {
			dirs = append(dirs, p(d))
		}
		began, err := tr.set(dirs)
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range began {
			began[i], _ = filepath.Rel(root, d)
		}
		if !slices.Equal(began, step.began) {
			t.Errorf("%q: began with %q, want %q", step.set, began, step.began)
		}
		n.expect(t, root, step.want...)
	}
}

func TestTreeFollowsAMissingDirectoryDown(t *testing.T) {
	root, n, tr := fakeTree(t)
	dir := filepath.Join(root, "a", "b")
	if _, err := tr.set([]string{dir}); err != nil {
		t.Fatal(err)
	}
	n.expect(t, root, ".")
	handle := func(op fsnotify.Op, name string) []string {
		t.Helper()
		files, err := tr.handle(fsnotify.Event{Name: filepath.Join(root, name), Op: op})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	if err := os.Mkdir(filepath.Join(root, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	handle(fsnotify.Create, "a")
	n.expect(t, root, "a")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	handle(fsnotify.Create, "a/b")
	n.expect(t, root, "a/b")
	if err := os.RemoveAll(filepath.Join(root, "a")); err != nil {
		t.Fatal(err)
	}
	if got := handle(fsnotify.Remove, "a/b"); !slices.Equal(got, []string{dir}) {
		t.Errorf("%q", got)
	}
	n.expect(t, root, ".")
}

func TestTreeLooksAgainAfterLostEvents(t *testing.T) {
	root, n, tr := fakeTree(t, "a")
	if _, err := tr.set([]string{root, filepath.Join(root, "b")}); err != nil {
		t.Fatal(err)
	}
	n.expect(t, root, ".")
	if err := os.MkdirAll(filepath.Join(root, "b", "new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := tr.reset(); err != nil {
		t.Fatal(err)
	}
	n.expect(t, root, ".", "a", "b", "b/new")
}

func TestTreeErrorsNameTheDirectoryAndTheRest(t *testing.T) {
	root, n, tr := fakeTree(t, "a", "b", "c")
	a, b, c := filepath.Join(root, "a"), filepath.Join(root, "b"), filepath.Join(root, "c")
	n.fail[b] = os.ErrPermission
	_, err := tr.set([]string{c, b, a})
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), b) {
		t.Errorf("set: %v", err)
	}
	n.expect(t, root, ".", "a", "c") // above b, where it is seen when that may be read
}

// TestTreeReadableAgain: a directory that may be read again is watched, with what
// is in it, and so is one below a directory that may be searched again.
func TestTreeReadableAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		denied []string // that the notifier may not watch
		event  string   // the directory of which the mode changes
		counts bool
		want   []string // files
		watch  []string // afterwards
	}{
		{"it does not count", []string{"up/b"}, "up/b", false, nil, []string{"a", "up"}},
		{"itself", []string{"up/b"}, "up/b", true, []string{"up/b/x.go"}, []string{"a", "up/b"}},
		{"the one above", []string{"up", "up/b"}, "up", true, []string{"up/b/x.go"}, []string{"a", "up/b"}},
		{"something else", []string{"up/b"}, "elsewhere", true, nil, []string{"a", "up"}},
		{"one that was watched all the time", nil, "up/b", true, []string{"up/b/x.go"}, []string{"a", "up/b"}},
	} {
		root, n, tr := fakeTree(t, "a", "up/b", "elsewhere")
		tr.attributes = func(string) bool { return tt.counts }
		for _, dir := range tt.denied {
			n.fail[filepath.Join(root, dir)] = os.ErrPermission
		}
		if err := os.WriteFile(filepath.Join(root, "up/b/x.go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := tr.set([]string{filepath.Join(root, "a"), filepath.Join(root, "up/b")}); errors.Is(err, os.ErrPermission) != (tt.denied != nil) {
			t.Errorf("%s: set: %v", tt.name, err)
		}
		clear(n.fail)
		files, err := tr.handle(fsnotify.Event{Name: filepath.Join(root, tt.event), Op: fsnotify.Chmod})
		for i := range files {
			files[i], _ = filepath.Rel(root, files[i])
		}
		if err != nil || !slices.Equal(files, tt.want) {
			t.Errorf("%s: files %q, error %v", tt.name, files, err)
		}
		n.expect(t, root, tt.watch...)
	}
}

func TestLimitsSayWhatToRaise(t *testing.T) {
	root, n, tr := fakeTree(t, "a")
	n.fail[filepath.Join(root, "a")] = syscall.ENOSPC
	if _, err := tr.set([]string{filepath.Join(root, "a")}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("set: %v", err)
	}
	for _, test := range []struct {
		goos string
		err  error
		want string
	}{
		{"linux", syscall.ENOSPC, "fs.inotify.max_user_watches="},
		{"linux", fmt.Errorf("couldn't initialize inotify: %w", syscall.EMFILE), "fs.inotify.max_user_instances="},
		{"darwin", syscall.EMFILE, "ulimit -n"},
		{"darwin", syscall.ENOSPC, "watching a: no space"},
		{"linux", syscall.EACCES, "watching a: permission denied"},
	} {
		err := explainOn(test.goos, test.err, "watching a")
		if !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, %v: %v; want %q in it", test.goos, test.err, err, test.want)
		}
	}
	if err := explainOn("linux", nil, "watching a"); err != nil {
		t.Error(err)
	}
}

func TestTemporary(t *testing.T) {
	for _, name := range []string{
		"4913", "5036", "x.go~", ".x.go.swp", ".x.go.swx", "x.go___jb_tmp___", "x.go___jb_old___", ".#x.go", "#x.go#",
		".goutputstream-A1B2C3", "x.go.kate-swp", "sedAb12xY", "x.go.3141592653", ".x.go.a1b2c3.tmp", "x.css.tmp.123.456",
		".nfs0001", ".DS_Store", ".syncthing.x.go.tmp", "~syncthing~x.go.tmp", "x.sync-conflict-20260314-120000-ABCDEFG.go",
		"x (Ann's conflicted copy 2026-03-14).go", ".dropbox.attr", "x.go.orig", "x.go.rej", "x.go.bak", "x.goAbC123.bck", ".tmpAb12xY",
		".x.go.kak.Ab12xY", "x.go.LOCAL.4711.go",
	} {
		if !Temporary(filepath.Join("/w", name)) {
			t.Errorf("%s is not temporary", name)
		}
	}
	for _, name := range []string{
		"x.go", "x_test.go", "go.mod", "index.html", "4913.go", "sed.go", "sedation", ".env", "a.tmpl", "x.tmp.html", "#readme", "page.go.tmpl", "2024",
		"swap.sws.go", "logo.swf", "original.go", "back.go", "x.tmp", ".tmpl", "syncthing.go", "conflict.go",
	} {
		if Temporary(filepath.Join("/w", name)) {
			t.Errorf("%s is temporary", name)
		}
	}
}

func TestCopy(t *testing.T) {
	for name, want := range map[string]bool{
		"flycheck_x.go": true, "flymake_x.go": true, "x_flymake.go": true, "x_LOCAL_4711.go": true, "x_REMOTE_4711.go": true, "x_BASE_1.go": true,
		"x_BACKUP_99.go": true, "x_conflict-20260314.go": false, "x_conflicted_copy.go": true,
		"x.go": false, "flycheck.go": false, "x_local_1.go": false, "x_LOCAL.go": false, "x_BASE_a.go": false, "LOCAL_1.go": false, "flycheck_x.txt": false,
	} {
		if Copy(filepath.Join("/w", name)) != want {
			t.Errorf("Copy(%q) is not %t", name, want)
		}
	}
}

// TestUnreadableDirectory: a directory that may not be read is told of, and the
// others are watched.
func TestUnreadableDirectory(t *testing.T) {
	for name, first := range map[string]string{"new": "a/secret", "in a new one": "a/new"} {
		t.Run(name, func(t *testing.T) {
			root, n, tr := fakeTree(t, "a")
			var told []error
			tr.refused = func(err error) { told = append(told, err) }
			if _, err := tr.set([]string{filepath.Join(root, "a")}); err != nil {
				t.Fatal(err)
			}
			secret := filepath.Join(root, first, "secret")
			if name == "new" {
				secret = filepath.Join(root, first)
			}
			n.fail[secret] = syscall.EACCES
			beside := filepath.Join(filepath.Dir(secret), "beside")
			for _, dir := range []string{secret, beside} {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for _, dir := range []string{filepath.Join(root, first), beside} {
				if _, err := tr.handle(fsnotify.Event{Name: dir, Op: fsnotify.Create}); err != nil {
					t.Errorf("the watcher ends: %v", err)
				}
			}
			if len(told) == 0 || !errors.Is(told[0], syscall.EACCES) || !strings.Contains(told[0].Error(), secret) {
				t.Errorf("told of %v", told)
			}
			if !n.dirs.has(beside) || n.dirs.has(secret) {
				t.Errorf("watched: %v", n.dirs)
			}
			told = nil
			if err := tr.reset(); err != nil || len(told) == 0 {
				t.Errorf("after lost events: %v, told of %v", err, told)
			}
		})
	}
}
