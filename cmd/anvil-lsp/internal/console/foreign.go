package console

import "github.com/anvilforge/anvil-lsp/hotreload/shared/visible"

// foreign returns a copy of what is to be shown with every string fit for a terminal: paths,
// patterns, messages and the rest are made by the user's code, by what is asked of it, or by a
// checkout that no one has read. Whatever shows a value shows what comes from here; colours are put
// on afterwards.
func foreign[T any](v T) T { return visible.Of(v, several...) }

// several are the fields that may have several lines.
var several = []string{"Message", "Detail"}
