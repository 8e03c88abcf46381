package manifest

// What the runtime, the builder and the check from source must agree on.
const (
	// RuntimePath is the import path of package hotreload, and of its module.
	RuntimePath = "github.com/anvilforge/anvil-lsp/hotreload"
	// RegisterName is the exported function that makes a package the handlers
	// package.
	RegisterName = "AnvilRegisterRoutes"
	// ABIVersion is the version of the agreement between a live server and the
	// plugins that it loads.
	ABIVersion = 1
)
