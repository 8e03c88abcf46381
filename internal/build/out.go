package build

import (
	"errors"

	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

// below makes a directory in the output directory and returns its path, for the
// tools. It is opened each time: somebody may have deleted it, and what stands
// there now may be another's. It is not made again: whoever has its lock does.
func (b *Builder) below(name string) (path string, err error) {
	err = b.inOut(outdir.Open, func(d *outdir.Dir) error {
		path, err = d.Below(name)
		return err
	})
	return path, err
}

// removeBelow removes what has a name in the output directory.
func (b *Builder) removeBelow(name string) error {
	return b.inOut(outdir.Open, func(d *outdir.Dir) error { return d.Remove(name) })
}

func (b *Builder) inOut(open func(string) (*outdir.Dir, error), do func(*outdir.Dir) error) error {
	d, err := open(b.cfg.OutDir)
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.Close())
}
