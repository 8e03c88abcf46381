package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// source is a file that is edited and put back.
type source struct {
	path     string
	mode     fs.FileMode
	original []byte
	written  []byte // by us last; nil if nothing was
}

func readSource(path string) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return &source{path: path, mode: info.Mode().Perm(), original: text}, nil
}

// save writes the file as an editor does.
func (s *source) save(text []byte) error {
	s.written = text // first, so that half of it would be put back, too
	return os.WriteFile(s.path, text, s.mode)
}

// restore puts the original back, unless somebody else has changed the file
// meanwhile.
func (s *source) restore() error {
	if s.written == nil {
		return nil
	}
	now, err := os.ReadFile(s.path)
	if err != nil {
		return fmt.Errorf("not put back: %w", err)
	}
	switch {
	case bytes.Equal(now, s.original):
	case bytes.HasPrefix(s.written, now):
		if err := os.WriteFile(s.path, s.original, s.mode); err != nil {
			return fmt.Errorf("not put back: %w", err)
		}
	default:
		return fmt.Errorf("%s was not put back: somebody else has changed it; it has a variable that begins with %s", s.path,
			variable)
	}
	s.written = nil
	return nil
}

// variable begins the name of the variable that edits bring.
const variable = "anvilSavebench"

// edits makes contents that no build has seen, also in earlier runs: the go
// command would have them in its cache.
type edits struct {
	run   string
	count int
}

func newEdits() *edits { return &edits{run: strconv.FormatInt(time.Now().UnixNano(), 36)} }

// next returns the text with one more statement at offset: a loop without a body,
// which the compiler keeps, and which runs another number of times in each edit.
// It needs no import and no newer language.
func (e *edits) next(text []byte, offset int) []byte {
	e.count++
	v := fmt.Sprintf("%s_%s_%d", variable, e.run, e.count)
	statement := fmt.Sprintf("\n\tfor %s := 0; %[1]s < %d; %[1]s++ {\n\t}\n", v, e.count+1)
	return bytes.Join([][]byte{text[:offset], []byte(statement), text[offset:]}, nil)
}

// restoreAll puts back all, whatever fails.
func restoreAll(sources []*source) error {
	var errs []error
	for _, s := range sources {
		errs = append(errs, s.restore())
	}
	return errors.Join(errs...)
}
