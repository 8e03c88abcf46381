package build

import (
	"context"
	"slices"
)

// Compiles has the go command compile packages of a plan, as they are on disk, and
// what they import, but not what imports them. It is the quickest way to know
// whether there is an error that is expected: the error is then a *Failure.
func (b *Builder) Compiles(ctx context.Context, plan *Plan, packages []string) error {
	var paths []string
	for _, path := range plan.next.graph.Order {
		if p := plan.next.graph.Packages[path]; p.Local() && slices.Contains(packages, path) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	_, err := b.list.ExportArchives(ctx, nil, slices.Concat([]string{"--"}, paths)...)
	return err
}
