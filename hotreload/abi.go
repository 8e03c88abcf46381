package hotreload

import "github.com/anvilforge/anvil-lsp/hotreload/manifest"

// ABIVersion is the version of the agreement between a live server and the
// plugins it loads. A plugin built for another version is refused.
const ABIVersion = manifest.ABIVersion
