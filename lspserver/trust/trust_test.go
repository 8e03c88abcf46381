package trust

import (
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
)

func TestStore(t *testing.T) {
	s := At(filepath.Join(t.TempDir(), "config", "trust"))
	root := Canonical(t.TempDir())
	dir := func(name string) string {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(path, 0o777); err != nil {
			t.Fatal(err)
		}
		return path
	}
	src, app, other, lookalike := dir("src"), dir("src/app"), dir("src/other"), dir("src-evil")
	if err := os.Symlink(src, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	check := func(dir string, want Answer) {
		t.Helper()
		if got := s.Of(dir); got.Answer != want {
			t.Errorf("%s: %+v, want %q", dir, got, want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(app, None)
	must(s.Set(src, Run))
	check(src, Run)
	check(app, Run)
	check(filepath.Join(root, "link", "app"), Run)
	check(filepath.Join(src, "made", "later"), Run)
	check(lookalike, None)
	check(root, None)
	must(s.Set(filepath.Join(root, "link", "app"), Never)) // the innermost counts
	check(app, Never)
	check(filepath.Join(app, "handlers"), Never)
	check(other, Run)
	list, err := s.List()
	if want := []Entry{{src, Run}, {app, Never}}; err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("%v %v, want %v", list, err, want)
	}
	if was, err := s.Forget(app); !was || err != nil {
		t.Errorf("forgotten: %v %v", was, err)
	}
	if was, err := s.Forget(app); was || err != nil {
		t.Errorf("forgotten twice: %v %v", was, err)
	}
	check(app, Run)
	// Only the user can read them, and nothing is left of the writing.
	files, err := os.ReadDir(s.dir)
	must(err)
	if len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
	info, err := files[0].Info()
	must(err)
	if info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

// TestNoAnswer: what is damaged, or could have been brought by the directory
// itself, is no answer.
func TestNoAnswer(t *testing.T) {
	s := At(filepath.Join(t.TempDir(), "trust"))
	app := t.TempDir()
	if err := s.Set(app, Run); err != nil {
		t.Fatal(err)
	}
	path := s.path(Canonical(app))
	for name, text := range map[string]string{
		"empty": "", "cut": `{"directory":`, "another word": `{"directory":"` + Canonical(app) + `","answer":"yes"}`,
		"of another directory": `{"directory":"/elsewhere","answer":"run"}`, "an array": `[]`, "null": `null`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := s.Of(app); got.Answer != None {
			t.Errorf("%s: %+v", name, got)
		}
		if list, err := s.List(); err != nil || len(list) != 0 {
			t.Errorf("%s: %v %v", name, list, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := s.Of(app); got.Answer != None {
		t.Errorf("a directory: %+v", got)
	}

	inside := At(filepath.Join(app, ".config", "trust"))
	if err := inside.Set(app, Run); err == nil {
		t.Error("a directory that holds the answers was trusted")
	}
	if err := At(filepath.Join(app, ".config", "trust")).Set(filepath.Join(app, ".config", "other"), Run); err != nil {
		t.Error(err)
	}
	entry := []byte(`{"directory":"` + Canonical(app) + `","answer":"run"}`)
	if err := os.WriteFile(inside.path(Canonical(app)), entry, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := inside.Of(app); got.Answer != None {
		t.Errorf("brought by the directory itself: %+v", got)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := At(filepath.Join(file, "trust")).Set(app, Run); err == nil {
		t.Error("no error where nothing can be written")
	}
}

// TestAtOnce: answers that are given at the same time are all kept.
func TestAtOnce(t *testing.T) {
	s := At(filepath.Join(t.TempDir(), "trust"))
	root := t.TempDir()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if err := s.Set(filepath.Join(root, string(rune('a'+i))), Run); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if list, err := s.List(); err != nil || len(list) != 20 {
		t.Errorf("%d answers, %v", len(list), err)
	}
}
