package view

import (
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Status is what anvil/status and anvil/statusOf tell of one application.
type Status struct {
	Folder     uri.URI        `json:"folder"`
	State      State          `json:"state"`
	Generation int            `json:"generation"`
	URL        string         `json:"url"`
	LastMS     float64        `json:"lastMs"`
	Rung       manifest.Rung  `json:"rung"`
	Message    string         `json:"message"`
	Paused     bool           `json:"paused"`
	Counts     control.Counts `json:"counts"`
	Problems   int            `json:"problems"`
	Attached   bool           `json:"attached"`
}

// State is what a client is told: a state of the engine, or one of these.
type State = control.State

// States of a session without an engine.
const (
	StateOff      State = "off"      // no live server is wanted
	StateStarting State = "starting" // an engine is being made
)

// DiagnosticData travels with a diagnostic to the client and back, for code
// actions.
type DiagnosticData struct {
	Code     manifest.Code     `json:"code"`
	Position manifest.Position `json:"position"`
	// Happened: this is what happened, and not what is expected.
	Happened bool `json:"happened,omitempty"`
}
