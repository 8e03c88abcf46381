package build

import (
	"crypto/sha256"
	"os"
)

// Differs reports whether a file is not as it was when the snapshot was taken:
// changed, gone, or new.
func (s *Snapshot) Differs(path string) bool {
	was, known := s.sources[path]
	data, err := os.ReadFile(path)
	switch {
	case err != nil:
		return known
	case !known:
		return true
	}
	return was.Content != sha256.Sum256(data)
}
