package compile

import (
	"path/filepath"
	"slices"

	"github.com/anvilforge/anvil-lsp/internal/build/golist"
)

// embedConfig is what `go tool compile -embedcfg` reads.
type embedConfig struct {
	Patterns map[string][]string // pattern → matching names, slash-separated
	Files    map[string]string   // name → file
}

// newEmbedConfig divides a package's embedded files among its patterns, by the
// rules of package embed.
func newEmbedConfig(p *golist.Package) embedConfig {
	cfg := embedConfig{Patterns: map[string][]string{}, Files: map[string]string{}}
	for _, pattern := range p.EmbedPatterns {
		cfg.Patterns[pattern] = []string{}
		for _, name := range p.EmbedFiles {
			if golist.EmbedMatches(pattern, name) {
				cfg.Patterns[pattern] = append(cfg.Patterns[pattern], name)
				cfg.Files[name] = filepath.Join(p.Dir, filepath.FromSlash(name))
			}
		}
		slices.Sort(cfg.Patterns[pattern])
	}
	return cfg
}
