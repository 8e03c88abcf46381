//go:build go1.27

package clash

// Modules finds nothing: how this version of Go keeps what it has loaded is not known.
type Modules struct{}

// Clash is never found.
type Clash struct{}

// Skip does nothing.
func (*Modules) Skip() {}

// Clashes returns nothing.
func (*Modules) Clashes() []Clash { return nil }

func (Clash) String() string { return "" }
