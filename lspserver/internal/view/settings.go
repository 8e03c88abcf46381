package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

// Settings are those of section "anvil". None of them names a program.
type Settings struct {
	OnSave       string   `json:"onSave"`       // always, noErrors or manual
	OnBreak      string   `json:"onBreak"`      // restart, ask, keep or swap
	AutoStart    bool     `json:"autoStart"`    // start the live server when a workspace opens
	Address      string   `json:"address"`      // loopback; empty: see engine.Options
	Main         string   `json:"main"`         // see engine.Options
	Cwd          string   `json:"cwd"`          // of the live server, relative to the folder; empty: see engine.Options
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
	BuildAhead   bool     `json:"buildAhead"`   // during a pause in typing, build what the next save will load
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

func DefaultSettings() Settings {
	return Settings{
		OnSave: SaveAlways, OnBreak: BreakRestart, AutoStart: true, CodeLens: true, Hover: true,
		CheckDelay: 60, BuildAhead: true, StartTimeout: 30, CompileErrors: CompileErrorsAuto,
	}
}

// Overlay sets what raw holds. Values that are no good are reported and left
// out, each on its own.
func (s Settings) Overlay(raw json.RawMessage) (Settings, []error) {
	var fields map[string]json.RawMessage
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return s, nil
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return s, []error{fmt.Errorf("settings: %w", err)}
	}
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(fields)) {
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

// Delay is how long typing must rest.
func (s Settings) Delay() time.Duration { return time.Duration(s.CheckDelay) * time.Millisecond }

// Engine returns the settings that an engine is made with.
func (s Settings) Engine(dir string) engine.Options {
	return engine.Options{
		Dir: dir, Main: s.Main, Addr: s.Address, Tags: s.Tags, Assets: s.Assets,
		Race: s.Race, Debug: s.Debug, Args: s.Args,
		StartTimeout: time.Duration(s.StartTimeout) * time.Second,
	}
}

// SameEngine reports whether an engine can stay.
func (s Settings) SameEngine(t Settings) bool {
	x, _ := json.Marshal([]any{s.Main, s.Cwd, s.Address, s.Tags, s.Assets, s.Race, s.Debug, s.Args, s.StartTimeout})
	y, _ := json.Marshal([]any{t.Main, t.Cwd, t.Address, t.Tags, t.Assets, t.Race, t.Debug, t.Args, t.StartTimeout})
	return bytes.Equal(x, y)
}

// Values of CompileErrors.
const (
	CompileErrorsAuto   = "auto"
	CompileErrorsAlways = "always"
	CompileErrorsNever  = "never"
)

// ValidDecision reports whether a word is a policy for breaks of a code.
func ValidDecision(c manifest.Code, v string) bool {
	return v == BreakRestart || v == BreakAsk || v == BreakKeep || v == BreakSwap && c == manifest.CodeSignature
}
