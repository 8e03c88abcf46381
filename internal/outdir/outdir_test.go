//go:build unix

package outdir

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// tree describes what is in a directory: modes, and what files hold.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		text := []byte{}
		if info.Mode().IsRegular() {
			if text, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		out[rel] = info.Mode().String() + " " + string(text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// victim makes a directory with what must stay as it is.
func victim(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"work/thesis.txt", "gen/a", "host/b", "run/c", "tmp/d", "history/e", "lock", "keep"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("mine"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// use does with a directory what an engine does.
func use(path string) error {
	d, err := Make(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Prepare(); err != nil {
		return err
	}
	if err := errors.Join(d.Clean(), d.Remove(History)); err != nil {
		return err
	}
	for _, name := range []string{Temp, Run, "work/g1", "gen", "host"} {
		if _, err := d.Below(name); err != nil {
			return err
		}
	}
	return errors.Join(d.Write(Manifest, []byte("manifest")), d.Write(History+"/0001.json", []byte("manifest")), d.Write("anvil-log.txt", []byte("log")))
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(path, victim string) error
		says string
	}{
		{"link", func(path, victim string) error { return os.Symlink(victim, path) }, "symbolic link to VICTIM"},
		{"relative link", func(path, victim string) error {
			rel, err := filepath.Rel(filepath.Dir(path), victim)
			return errors.Join(err, os.Symlink(rel, path))
		}, "symbolic link to ../"},
		{"dangling link", func(path, victim string) error { return os.Symlink(victim+"/new", path) }, "symbolic link"},
		{"link to itself", func(path, _ string) error { return os.Symlink(Name, path) }, "symbolic link"},
		{"file", func(path, _ string) error { return os.WriteFile(path, nil, 0o600) }, "not a directory; remove it"},
		{"FIFO", func(path, _ string) error { return syscall.Mkfifo(path, 0o600) }, "not a directory; remove it"},
		{"directory with work of somebody else", func(path, _ string) error { return os.MkdirAll(path+"/work", 0o755) }, "anvil-lsp did not make it, and would remove work"},
		{"the same, with another's .gitignore", func(path, _ string) error {
			return errors.Join(os.MkdirAll(path+"/history", 0o755), os.WriteFile(path+"/.gitignore", []byte("*.o\n"), 0o644))
		}, "would remove history"},
		{"directory of another user", func(path, _ string) error {
			if os.Geteuid() != 0 {
				return errSkip
			}
			return errors.Join(os.Mkdir(path, 0o777), os.Chown(path, 4242, 4242))
		}, "belongs to the user with id 4242; remove it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app, outside := t.TempDir(), victim(t)
			path := Path(app)
			if err := tt.make(path, outside); errors.Is(err, errSkip) {
				t.Skip("needs root")
			} else if err != nil {
				t.Fatal(err)
			}
			before, inside := tree(t, outside), tree(t, app)
			err := use(path)
			if want := strings.ReplaceAll(tt.says, "VICTIM", outside); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path) {
				t.Errorf("error %v, want one of %s that says %s", err, path, want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %v", err)
			}
			if got := tree(t, outside); !maps.Equal(got, before) {
				t.Errorf("outside became\n%v, was\n%v", got, before)
			}
			got := tree(t, app)
			if tt.name != "file" && tt.name != "FIFO" { // what is ours to open is tightened
				delete(got, Name)
				delete(inside, Name)
			}
			if !maps.Equal(got, inside) {
				t.Errorf("%s became\n%v, was\n%v", Name, got, inside)
			}
		})
	}
}

var errSkip = errors.New("skip")

// TestNamesThatAreSomethingElse: whatever a checkout puts in the place of a name,
// it is replaced, and what it leads to stays.
func TestNamesThatAreSomethingElse(t *testing.T) {
	all := []string{Lock, ignore, Socket, Manifest, History, Run, Temp, "work", "work/g1", "gen", "host", "history/0001.json", "anvil-log.txt"}
	kinds := map[string]func(path, victim string) error{
		"link to a directory": func(path, victim string) error { return os.Symlink(victim, path) },
		"link to a file":      func(path, victim string) error { return os.Symlink(victim+"/keep", path) },
		"dangling link":       func(path, victim string) error { return os.Symlink(victim+"/new", path) },
		"FIFO":                func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		for _, name := range all {
			t.Run(kind+"/"+strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
				outside, path := victim(t), Path(t.TempDir())
				if err := use(path); err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(os.RemoveAll(filepath.Join(path, name)), kinds[kind](filepath.Join(path, name), outside)); err != nil {
					t.Fatal(err)
				}
				before := tree(t, outside)
				if err := use(path); err != nil {
					t.Error(err)
				}
				if got := tree(t, outside); !maps.Equal(got, before) {
					t.Errorf("outside became\n%v, was\n%v", got, before)
				}
				for at, what := range tree(t, path) {
					if !strings.HasPrefix(what, "-rw-------") && !strings.HasPrefix(what, "drwx------") {
						t.Errorf("%s is %s, want a private file or directory", at, what)
					}
				}
			})
		}
	}
}

// TestSwitchedWhileOpen: a branch may bring a link while an engine runs.
func TestSwitchedWhileOpen(t *testing.T) {
	outside, path := victim(t), Path(t.TempDir())
	if err := use(path); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	before := tree(t, outside)
	if err := errors.Join(os.RemoveAll(path), os.Symlink(outside, path)); err != nil {
		t.Fatal(err)
	}
	_ = d.Write(Manifest, []byte("new")) // into the directory that is gone, or not at all
	_ = d.Clean()
	if _, err := Open(path); !errors.Is(err, ErrRefused) {
		t.Errorf("opened again: %v", err)
	}
	if got := tree(t, outside); !maps.Equal(got, before) {
		t.Errorf("outside became\n%v, was\n%v", got, before)
	}
}

// TestTightened: a directory of an earlier version was open to others.
func TestTightened(t *testing.T) {
	path := Path(t.TempDir())
	if err := errors.Join(os.MkdirAll(path+"/run", 0o755), os.Chmod(path, 0o755), os.WriteFile(path+"/lock", nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := use(path); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".", "run", "gen", "work", "work/g1", "host", "tmp", "history"} {
		if st, err := os.Stat(filepath.Join(path, name)); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", name, st.Mode(), err)
		}
	}
}

// TestIgnoreIsMended: a full disk leaves an empty file.
func TestIgnoreIsMended(t *testing.T) {
	for text, want := range map[string]string{"": "*\n", "# mine\n": "# mine\n"} {
		path := Path(t.TempDir())
		if err := errors.Join(os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, ignore), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
		if err := use(path); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(filepath.Join(path, ignore)); string(got) != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// TestApplicationIsGone: its directory is not made again.
func TestApplicationIsGone(t *testing.T) {
	app := filepath.Join(t.TempDir(), "app")
	if _, err := Make(Path(app)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Lstat(app); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
}
