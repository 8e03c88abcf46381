// Package trust keeps what the user said about running the code of directories.
//
// The answers are in the user's own configuration, never in the directories that
// they are about: a checkout cannot bring the word that lets it run. An answer
// holds for its directory and for all below it; of several the innermost counts,
// so that one directory of a trusted one can be left out.
//
// Each answer is a file of its own, so that programs which write at the same time
// cannot undo each other's.
package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// Answer is what the user said about a directory.
type Answer string

// The answers.
const (
	None  Answer = ""      // nobody was asked
	Run   Answer = "run"   // its code may be built and run
	Never Answer = "never" // it may not, and nobody is to ask again
)

// Entry is an answer and the directory that it was given for.
type Entry struct {
	Directory string `json:"directory"`
	Answer    Answer `json:"answer"`
}

// Store is where the answers are. Its methods may be used by several processes
// at the same time.
type Store struct{ dir string }

// User returns the store of the user who runs this program.
func User() (*Store, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("remembering whose code may run: %w", err)
	}
	return At(filepath.Join(config, "anvil-lsp", "trust")), nil
}

// At returns the store in a directory, which need not be there yet.
func At(dir string) *Store { return &Store{dir: dir} }

// Of returns the answer that holds for a directory.
func (s *Store) Of(dir string) Entry {
	dir = Canonical(dir)
	if paths.Below(Canonical(s.dir), dir) {
		return Entry{} // it could have brought the answer itself
	}
	for {
		if e, err := read(s.path(dir)); err == nil && e.Directory == dir {
			return e
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return Entry{}
		}
		dir = parent
	}
}

// Set keeps an answer. A directory that the answers are in, as the home directory
// is, can only be refused.
func (s *Store) Set(dir string, a Answer) error {
	dir = Canonical(dir)
	if a == Run && paths.Below(Canonical(s.dir), dir) {
		return fmt.Errorf("%s is too much to trust: it holds the answers themselves, in %s; name a directory in it", dir,
			s.dir)
	}
	data, err := json.Marshal(Entry{Directory: dir, Answer: a})
	if err == nil {
		err = paths.Replace(s.path(dir), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("remembering whether the code in %s may run: %w", dir, err)
	}
	return nil
}

// Forget takes back the answer that was given for a directory, and reports
// whether there was one.
func (s *Store) Forget(dir string) (bool, error) {
	dir = Canonical(dir)
	err := os.Remove(s.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("forgetting whether the code in %s may run: %w", dir, err)
	}
	return true, nil
}

// List returns all answers, sorted by directory.
func (s *Store) List() ([]Entry, error) {
	files, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading whose code may run: %w", err)
	}
	entries := []Entry{}
	for _, f := range files {
		e, err := read(filepath.Join(s.dir, f.Name()))
		if err == nil && f.Name() == filepath.Base(s.path(e.Directory)) {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Directory, b.Directory) })
	return entries, nil
}

func (s *Store) path(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:16])+".json")
}

// maxEntry bounds an answer, in bytes: that is far above the longest path.
const maxEntry = 64 << 10

// read reads an answer. Whatever else stands in its place is none.
func read(path string) (e Entry, err error) {
	if st, err := os.Lstat(path); err != nil {
		return e, err
	} else if !st.Mode().IsRegular() {
		return e, fmt.Errorf("%s is no file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return e, err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxEntry)).Decode(&e); err != nil {
		return Entry{}, err
	}
	if e.Answer != Run && e.Answer != Never || !filepath.IsAbs(e.Directory) {
		return Entry{}, fmt.Errorf("%s holds no answer", path)
	}
	return e, nil
}

// Canonical returns the one name of a directory: absolute, without symbolic
// links as far as it exists.
func Canonical(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	if parent := filepath.Dir(dir); parent != dir {
		return filepath.Join(Canonical(parent), filepath.Base(dir))
	}
	return dir
}
