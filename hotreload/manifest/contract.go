package manifest

// What the runtime, the builder and the check from source must agree on.
const (
	// RuntimePath is the import path of package hotreload, and of its module.
	RuntimePath = "github.com/anvilforge/anvil-lsp/hotreload"
	// RegisterName is the exported function that makes a package the handlers
	// package. A plugin exports it, or a variable of type any that holds it.
	RegisterName = "AnvilRegisterRoutes"
	// ABIName is a variable of type int that a plugin exports: the ABIVersion that
	// it was built for.
	ABIName = "AnvilABIVersion"
	// ABIVersion is the version of the agreement between a live server and the
	// plugins that it loads.
	ABIVersion = 1
	// OldestGo is the oldest release of Go that the runtime compiles with.
	OldestGo = "1.26"
)
