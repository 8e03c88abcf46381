package source

import (
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/findings"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
)

// Report is what can be said about a program from its source.
type Report struct {
	// Routes are what AnvilRegisterRoutes would register, as far as it can be known, in order of
	// registration.
	Routes []Route
	// Unknown are the registrations of which the method, the pattern or the handler cannot be
	// known, in order of registration.
	Unknown []Unknown
	// State is the keyed state that hot code asks for, sorted by key.
	State []State
	// Registered are the calls of RegistryGeneration.Add, in order of registration.
	Registered []Registration
	// Findings about this code alone, sorted: ANV003, ANV004, ANV006, ANV007, ANV008, ANV009 and
	// ANV014.
	Findings []manifest.Diagnostic
	// OneTime says of each ANV006 among the Findings when it takes effect.
	OneTime []OneTime
	// Missing are imports for which the program has neither source nor archive, sorted: they are
	// new. What uses them is not checked.
	Missing []string
	// Complete says that everything was type-checked and is without errors.
	Complete bool

	code []*Code // the hot packages
	// leads are the import paths of packages whose source would tell more, sorted.
	leads []string
}

// Route is one registration.
type Route struct {
	// Position is that of the registering call: the line is the one that the live server sees.
	manifest.Route
	// HandlerPosition is the declaration of the handler function, where there is one and its source
	// is known.
	HandlerPosition manifest.Position
	// SignaturePosition is the handler's list of parameters.
	SignaturePosition manifest.Position
	// Broken says that a mistake in the source is part of the handler's type, so that its
	// fingerprint says nothing.
	Broken bool
	// Conditional says that it depends on something unknown whether the route is registered.
	Conditional bool
}

// Unknown is a registration that cannot be followed from source. The live manifest has it, at the
// same line.
type Unknown struct {
	manifest.Position
	Call   string `json:"call"`   // what is called: Get, Group, or a function that takes the sink
	Reason string `json:"reason"` // what is unknown, and why
	// Route is a route of which all but the pattern is known; nil if more is unknown. What is known
	// of the pattern is in it, with an ellipsis for the rest: …/posts.
	Route *Route `json:"-"`
}

// State is keyed state that hot code asks for.
type State struct {
	manifest.State
	Position manifest.Position // of the call of hotreload.StateOf
	// Registering says that the call happens during registration, so that the live manifest has it
	// too.
	Registering bool
}

// Registration is one entry of a hotreload.RegistryGeneration.
type Registration struct {
	Registry string // the expression that names the registry
	Key      string // as text; empty if it is not known
	Type     string // of the entry
	Position manifest.Position
}

// OneTime is a global registration that a second generation cannot make.
type OneTime = findings.OneTime

// What a program consists of.
type (
	// Program is what a [Checker] checks.
	Program = load.Program
	// Package is a package that is checked from source.
	Package = load.Package
	// ArchiveError reports an archive of the program that cannot be read: nothing is wrong with the
	// code. The build cache was cleaned, perhaps.
	ArchiveError = load.ArchiveError
)
