package engine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func openTestDir(t *testing.T, dir string) *outDir {
	t.Helper()
	o, err := openOutDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOutDirIsMadeAndGivenBack(t *testing.T) {
	dir := t.TempDir()
	o := openTestDir(t, dir)
	if got, want := names(t, o.path), []string{".gitignore", "lock", "run", "tmp"}; !slices.Equal(got, want) {
		t.Errorf("made %v, want %v", got, want)
	}
	if got := readFile(t, o.path, ".gitignore"); got != "*\n" {
		t.Errorf(".gitignore holds %q", got)
	}
	for _, d := range []string{"run", "tmp"} { // sockets, and scratch files of compilers
		if st, err := os.Stat(filepath.Join(o.path, d)); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%s: mode %v, %v", d, st.Mode(), err)
		}
	}
	if err := o.close(); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, o.path), []string{".gitignore", "lock"}; !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
	if err := openTestDir(t, dir).close(); err != nil { // the lock is free
		t.Fatal(err)
	}
}

func TestOutDirOfAKilledEngine(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"tmp/x", "work/g1/x.a", "gen/0001.so", "host/0001", "run/live.sock", "engine.sock", "history/0001.json", "lock"} {
		writeFile(t, "left", dir, OutDir, name)
	}
	writeFile(t, "the last", ManifestPath(dir))
	writeFile(t, "# mine\n", dir, OutDir, ".gitignore")

	o := openTestDir(t, dir)
	defer o.close()
	if got, want := names(t, o.path), []string{".gitignore", "lock", "manifest.json", "run", "tmp"}; !slices.Equal(got, want) {
		t.Errorf("there are %v, want %v", got, want)
	}
	for _, d := range []string{"run", "tmp"} {
		if got := names(t, o.path, d); len(got) > 0 {
			t.Errorf("%s holds %v", d, got)
		}
	}
	if got := readFile(t, ManifestPath(dir)); got != "the last" {
		t.Errorf("manifest.json holds %q", got)
	}
	if got := readFile(t, o.path, ".gitignore"); got != "# mine\n" {
		t.Errorf("the user's .gitignore became %q", got)
	}
}

func TestOutDirInUse(t *testing.T) {
	dir := t.TempDir()
	first := openTestDir(t, dir)
	plugin := writeFile(t, "in use", first.path, "gen", "0001.so")
	_, err := openOutDir(dir)
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v, want ErrInUse with the directory", err)
	}
	if got := readFile(t, plugin); got != "in use" {
		t.Errorf("the second engine changed a file of the first: %q", got)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	if err := openTestDir(t, dir).close(); err != nil {
		t.Error(err)
	}
}

func TestOutDirCannotBeMade(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, "a file", dir, OutDir)
	if _, err := openOutDir(dir); !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v, want one that names %s", err, file)
	}
	if got := readFile(t, file); got != "a file" {
		t.Errorf("the user's file became %q", got)
	}
}

// TestOutDirTakenOver: where somebody deleted the directory, the next engine may be
// faster than the one that had it.
func TestOutDirTakenOver(t *testing.T) {
	dir := t.TempDir()
	first := openTestDir(t, dir)
	if lost, err := first.restore(); lost || err != nil {
		t.Errorf("nothing was deleted: %t, %v", lost, err)
	}
	if err := os.RemoveAll(first.path); err != nil {
		t.Fatal(err)
	}
	second := openTestDir(t, dir)
	if lost, err := first.restore(); !lost || !errors.Is(err, ErrInUse) {
		t.Errorf("it is another's: %t, %v", lost, err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, second.path), []string{".gitignore", "lock", "run", "tmp"}; !slices.Equal(got, want) {
		t.Errorf("the second engine is left with %v, want %v", got, want)
	}
	if err := second.close(); err != nil {
		t.Fatal(err)
	}
}

// TestOutDirRestored: that the live server is lost is remembered until there is
// another one, which a newer save may put off.
func TestOutDirRestored(t *testing.T) {
	o := openTestDir(t, t.TempDir())
	if err := os.RemoveAll(o.path); err != nil {
		t.Fatal(err)
	}
	if gone, err := o.restore(); !gone || !o.lost || err != nil {
		t.Errorf("deleted: gone %t, lost %t, %v", gone, o.lost, err)
	}
	if gone, err := o.restore(); gone || !o.lost || err != nil {
		t.Errorf("restored: gone %t, lost %t, %v", gone, o.lost, err)
	}
	if got, want := names(t, o.path), []string{".gitignore", "lock", "run", "tmp"}; !slices.Equal(got, want) {
		t.Errorf("there are %v, want %v", got, want)
	}
	if err := o.close(); err != nil {
		t.Fatal(err)
	}
}
