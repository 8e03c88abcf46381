package lspserver

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// Settings are those of section "anvil". None of them names a program.
type Settings struct {
	OnSave       string   `json:"onSave"`       // always, noErrors or manual
	OnBreak      string   `json:"onBreak"`      // restart, ask, keep or swap
	AutoStart    bool     `json:"autoStart"`    // start the live server when a workspace opens
	Address      string   `json:"address"`      // loopback; empty: see engine.Options
	Main         string   `json:"main"`         // see engine.Options
	Cwd          string   `json:"cwd"`          // of the live server, relative to the workspace folder; empty: see engine.Options
	Tags         []string `json:"tags"`         // build tags
	Assets       []string `json:"assets"`       // see engine.Options
	Race         bool     `json:"race"`         // build with the race detector
	Debug        bool     `json:"debug"`        // keep debug information
	Args         []string `json:"args"`         // of the live server
	StartTimeout int      `json:"startTimeout"` // seconds that the live server may take to start
	CodeLens     bool     `json:"codeLens"`     //
	Hover        bool     `json:"hover"`        //
	InlayHints   bool     `json:"inlayHints"`   //
	CheckDelay   int      `json:"checkDelay"`   // milliseconds that typing must rest before the check
	BuildAhead   bool     `json:"buildAhead"`   // while nobody types, build what the next save will load
	// CompileErrors: auto, always or never. Auto leaves errors of the compiler to
	// gopls where the client has started one.
	CompileErrors string `json:"compileErrors"`
}

// Values of OnSave and OnBreak.
const (
	SaveAlways   = "always"
	SaveNoErrors = "noErrors"
	SaveManual   = "manual"

	BreakRestart = "restart"
	BreakAsk     = "ask"
	BreakKeep    = "keep"
	BreakSwap    = "swap"
)

func defaultSettings() Settings {
	return Settings{OnSave: SaveAlways, OnBreak: BreakRestart, AutoStart: true, CodeLens: true, Hover: true, CheckDelay: 60, BuildAhead: true, StartTimeout: 30, CompileErrors: CompileErrorsAuto}
}

// overlay sets what raw holds. Values that are no good are reported and left
// out, each on its own.
func (s Settings) overlay(raw json.RawMessage) (Settings, []error) {
	var fields map[string]json.RawMessage
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return s, nil
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return s, []error{fmt.Errorf("settings: %w", err)}
	}
	var faults []error
	for _, key := range sortedKeys(fields) {
		one, err := json.Marshal(map[string]json.RawMessage{key: fields[key]})
		if err != nil {
			continue
		}
		next := s
		// Unmarshal writes into the arrays that are there, and those are shared with
		// the settings of other folders.
		next.Tags, next.Assets, next.Args = slices.Clone(s.Tags), slices.Clone(s.Assets), slices.Clone(s.Args)
		if err := json.Unmarshal(one, &next); err != nil {
			faults = append(faults, fmt.Errorf("setting anvil.%s: %w", key, err))
			continue
		}
		if err := next.check(); err != nil {
			faults = append(faults, err)
			continue
		}
		s = next
	}
	return s, faults
}

func (s Settings) check() error {
	switch s.OnSave {
	case SaveAlways, SaveNoErrors, SaveManual:
	default:
		return fmt.Errorf("setting anvil.onSave is %q: it is always, noErrors or manual", s.OnSave)
	}
	switch s.OnBreak {
	case BreakRestart, BreakAsk, BreakKeep, BreakSwap:
	default:
		return fmt.Errorf("setting anvil.onBreak is %q: it is restart, ask, keep or swap", s.OnBreak)
	}
	switch s.CompileErrors {
	case CompileErrorsAuto, CompileErrorsAlways, CompileErrorsNever:
	default:
		return fmt.Errorf("setting anvil.compileErrors is %q: it is auto, always or never", s.CompileErrors)
	}
	if s.CheckDelay < 0 || s.CheckDelay > 10_000 {
		return fmt.Errorf("setting anvil.checkDelay is %d: it is a number of milliseconds up to 10000", s.CheckDelay)
	}
	if s.StartTimeout < 1 || s.StartTimeout > 3600 {
		return fmt.Errorf("setting anvil.startTimeout is %d: it is a number of seconds from 1 to 3600", s.StartTimeout)
	}
	return nil
}

// delay is how long typing must rest.
func (s Settings) delay() time.Duration { return time.Duration(s.CheckDelay) * time.Millisecond }

// engine returns the settings that an engine is made with.
func (s Settings) engine(dir string) engine.Options {
	return engine.Options{Dir: dir, Main: s.Main, Addr: s.Address, Tags: s.Tags, Assets: s.Assets, Race: s.Race, Debug: s.Debug, Args: s.Args,
		StartTimeout: time.Duration(s.StartTimeout) * time.Second}
}

// sameEngine reports whether an engine need not be made anew.
func (s Settings) sameEngine(t Settings) bool {
	x, _ := json.Marshal([]any{s.Main, s.Cwd, s.Address, s.Tags, s.Assets, s.Race, s.Debug, s.Args, s.StartTimeout})
	y, _ := json.Marshal([]any{t.Main, t.Cwd, t.Address, t.Tags, t.Assets, t.Race, t.Debug, t.Args, t.StartTimeout})
	return bytes.Equal(x, y)
}

// getSettings returns the settings of the application as they are now.
func (f *session) getSettings() Settings {
	if own := f.settings.Load(); own != nil {
		return *own
	}
	return *f.s.settings.Load()
}

// configure sets the settings anew: the defaults, what initialize said, and what
// is configured. scoped is what is configured for single folders, by their URIs;
// raw is for all others.
func (s *Server) configure(raw json.RawMessage, scoped map[uri.URI]json.RawMessage) {
	s.trustSettings(append(slices.Collect(maps.Values(scoped)), raw))
	var faults []string
	overlay := func(below Settings, raw json.RawMessage) Settings {
		next, errs := below.overlay(raw)
		for _, err := range errs {
			faults = append(faults, err.Error())
		}
		return next
	}
	s.mu.Lock()
	initial := overlay(defaultSettings(), s.initial)
	all := overlay(initial, raw)
	s.settings.Store(&all)
	for _, w := range s.folders {
		w.settings = nil
		if own := scoped[w.uri]; len(own) > 0 && string(own) != "null" {
			own := overlay(initial, own)
			w.settings = &own
		}
	}
	s.settle()
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
	for _, feat := range s.features {
		if feat.configured != nil {
			feat.configured(s)
		}
	}
}

// settle gives each session the settings of the innermost folder that it is in;
// s.mu is held.
func (s *Server) settle() {
	for _, w := range s.folders {
		for _, f := range w.sessions {
			f.settings.Store(s.settingsIn(f.dir))
		}
	}
}

// settingsIn returns the settings of the folder that a directory belongs to; nil
// if there are none; s.mu is held.
func (s *Server) settingsIn(dir string) *Settings {
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
				s.logf(protocol.MessageTypeWarning, "workspace/configuration: %v; the settings stay as they are", cmp.Or(err, context.Cause(ctx)))
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
