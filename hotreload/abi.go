package hotreload

import "github.com/anvilforge/anvil-lsp/hotreload/manifest"

// ABIVersion is the version of the agreement between a live server and the
// plugins it loads. A plugin built for another version is refused.
const ABIVersion = manifest.ABIVersion

// The symbols that a plugin exports.
const (
	// RegisterSymbol is the function that registers routes, or a variable of
	// type any that holds it.
	RegisterSymbol = manifest.RegisterName
	// ABISymbol is a variable of type int that holds the ABIVersion that the
	// plugin was built for.
	ABISymbol = "AnvilABIVersion"
)

// RegisterFunc registers the routes of one generation. It runs once for every
// generation, and again when that generation is rolled back to.
type RegisterFunc = func(r *RouteSink)
