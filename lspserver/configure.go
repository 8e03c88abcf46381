package lspserver

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// getSettings returns the settings of the application as they are now.
func (f *session) getSettings() view.Settings {
	if own := f.settings.Load(); own != nil {
		return *own
	}
	return *f.s.settings.Load()
}

// configure sets the settings again: the defaults, what initialize said, and what
// is configured. scoped is what is configured for single folders, by their URIs;
// raw is for all others.
func (s *Server) configure(raw json.RawMessage, scoped map[uri.URI]json.RawMessage) {
	s.trustSettings(append(slices.Collect(maps.Values(scoped)), raw))
	var faults []string
	overlay := func(below view.Settings, raw json.RawMessage) view.Settings {
		next, errs := below.Overlay(raw)
		for _, err := range errs {
			faults = append(faults, err.Error())
		}
		return next
	}
	s.mu.Lock()
	initial := overlay(view.DefaultSettings(), s.initial)
	all := overlay(initial, raw)
	s.settings.Store(&all)
	for _, w := range s.folders {
		w.settings = nil
		if own := scoped[w.uri]; len(own) > 0 && string(own) != "null" {
			own := overlay(initial, own)
			w.settings = &own
		}
	}
	s.assignSettings()
	s.mu.Unlock()
	slices.Sort(faults)
	for _, fault := range slices.Compact(faults) {
		s.logf(protocol.MessageTypeWarning, "%s", fault)
	}
	s.recheckTrust()
	for _, f := range s.allSessions() {
		f.renew()
		f.poke()
		f.hurry() // what a save will do, and what is shown of it, may be something else now
	}
	for _, f := range s.features {
		if f.configured != nil {
			f.configured(s)
		}
	}
}

// assignSettings gives each session the settings of the innermost folder that it is in;
// s.mu is held.
func (s *Server) assignSettings() {
	for _, w := range s.folders {
		for _, f := range w.sessions {
			f.settings.Store(s.settingsIn(f.dir))
		}
	}
}

// settingsIn returns the settings of the folder that a directory belongs to; nil
// if there are none; s.mu is held.
func (s *Server) settingsIn(dir string) *view.Settings {
	if w := s.folderOf(dir); w != nil {
		return w.settings
	}
	return nil
}

// folderOf returns the innermost folder around a directory, or one in it; nil if
// there is none; s.mu is held.
func (s *Server) folderOf(dir string) *workspaceFolder {
	var best *workspaceFolder
	for _, w := range s.folders {
		if paths.Below(dir, w.dir) && (best == nil || len(w.dir) > len(best.dir)) {
			best = w
		}
	}
	for _, w := range s.folders { // an application around a folder
		if best == nil && paths.Below(w.dir, dir) {
			best = w
		}
	}
	return best
}

// workDir returns what the setting cwd means for the application, absolute; empty
// if it is not set.
func (f *session) workDir(cwd string) string {
	if cwd == "" || filepath.IsAbs(cwd) {
		return cwd
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if w := f.s.folderOf(f.dir); w != nil {
		return filepath.Join(w.dir, cwd)
	}
	return filepath.Join(f.dir, cwd)
}

// pullConfiguration asks the client for the settings, if it can be asked, and
// then calls done, which may be nil.
func (s *Server) pullConfiguration(done func()) {
	if done == nil {
		done = func() {}
	}
	if !s.client.Configuration {
		done()
		return
	}
	go func() {
		defer done()
		s.pulling.Lock() // so that the newest answer is taken over last
		defer s.pulling.Unlock()
		ctx, cancel := context.WithTimeout(s.working, clientPatience)
		defer cancel()
		section := "anvil"
		items := []protocol.ConfigurationItem{{Section: &section}}
		s.mu.Lock()
		for _, w := range s.folders {
			items = append(items, protocol.ConfigurationItem{Section: &section, ScopeURI: &w.uri})
		}
		s.mu.Unlock()
		var values []protocol.LSPAny
		err := s.conn.Call(ctx, protocol.MethodWorkspaceConfiguration, &protocol.ConfigurationParams{Items: items}, &values)
		if err != nil || len(values) == 0 {
			if ctx.Err() == nil || s.working.Err() == nil {
				s.logf(protocol.MessageTypeWarning, "workspace/configuration: %v; the settings stay as they are",
					cmp.Or(err, context.Cause(ctx)))
			}
			return
		}
		scoped := map[uri.URI]json.RawMessage{}
		for i, item := range items[:min(len(items), len(values))] {
			if item.ScopeURI != nil {
				scoped[*item.ScopeURI] = json.RawMessage(values[i])
			}
		}
		s.configure(json.RawMessage(values[0]), scoped)
	}()
}

// didChangeConfiguration takes new settings.
func didChangeConfiguration(s *Server, p *protocol.DidChangeConfigurationParams) {
	if s.client.Configuration {
		s.pullConfiguration(nil)
		return
	}
	raw := json.RawMessage(p.Settings)
	var sections struct {
		Anvil json.RawMessage `json:"anvil"`
	}
	if json.Unmarshal(raw, &sections) == nil && sections.Anvil != nil {
		raw = sections.Anvil
	}
	s.configure(raw, nil)
}
