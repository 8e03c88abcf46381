//go:build anvilhot && go1.27

package hotreload

// modules finds nothing: how this version of Go keeps what it has loaded is not
// known.
type modules struct{}

type clash struct{}

func (*modules) skip()            {}
func (*modules) clashes() []clash { return nil }
func (clash) String() string      { return "" }
