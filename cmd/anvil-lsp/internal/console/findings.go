package console

import (
	"io"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Findings writes diagnostics with their source lines, all of them. Of the options it heeds Out,
// Color, Dir and Source.
func Findings(o Options, ds []manifest.Diagnostic) error {
	c := New(o)
	var b strings.Builder
	for _, d := range foreign(ds) {
		c.diagnostic(&b, d)
		b.WriteByte('\n')
	}
	_, err := io.WriteString(o.Out, b.String())
	return err
}

// FormatPosition returns a position relative to dir where that is shorter.
func FormatPosition(dir string, p manifest.Position) string {
	p.File = relative(dir, p.File)
	return p.String()
}
