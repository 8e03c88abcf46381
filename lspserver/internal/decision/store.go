// Package decision keeps what the user decided about breaks of an application.
package decision

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// Store is what the user decided about breaks, for one application. It is kept
// in the user's configuration and not below .anvil: a checkout could bring it
// there, and decide in the user's name.
type Store struct {
	path string // empty: there is no place for it
	dir  string // of the application

	mu     sync.Mutex // guards byCode
	byCode map[manifest.Code]string
}

// decisionFile is what the file of a memory holds.
type decisionFile struct {
	Directory string                   `json:"directory"`
	Decisions map[manifest.Code]string `json:"decisions"`
}

// maxDecisions bounds that file, in bytes.
const maxDecisions = 1 << 20

// Load returns what the user's configuration has of the application in a
// directory. No file of that is read.
func Load(config, dir string) *Store {
	m := &Store{dir: dir, byCode: map[manifest.Code]string{}}
	if config == "" {
		return m
	}
	sum := sha256.Sum256([]byte(dir))
	m.path = filepath.Join(config, "decisions", hex.EncodeToString(sum[:16])+".json")
	if data, err := regular.Read(m.path, maxDecisions); err == nil {
		var d decisionFile
		if json.Unmarshal(data, &d) == nil && d.Directory == dir {
			maps.DeleteFunc(d.Decisions, func(c manifest.Code, v string) bool { return !view.ValidDecision(c, v) })
			maps.Copy(m.byCode, d.Decisions)
		}
	}
	return m
}

// Of returns what was decided about a code, or otherwise. What cannot be swapped in
// is restarted for.
func (m *Store) Of(c manifest.Code, otherwise string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.byCode[c]; ok {
		return d
	}
	if otherwise == view.BreakSwap && !view.ValidDecision(c, otherwise) {
		return view.BreakRestart
	}
	return otherwise
}

// Set remembers decisions.
func (m *Store) Set(codes []manifest.Code, d string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range codes {
		m.byCode[c] = d
	}
	if err := m.write(); err != nil {
		return fmt.Errorf("remembering a decision: %w; it holds until the editor ends", err)
	}
	return nil
}

// write writes what was decided; m.mu is held.
func (m *Store) write() error {
	if m.path == "" {
		return errors.New("there is no directory for the user's configuration")
	}
	data, err := json.MarshalIndent(decisionFile{m.dir, m.byCode}, "", "\t")
	if err != nil {
		return err
	}
	return paths.Replace(m.path, append(data, '\n'))
}
