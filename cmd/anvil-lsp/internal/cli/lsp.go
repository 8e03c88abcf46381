package cli

import (
	"context"

	"github.com/anvilforge/anvil-lsp/lspserver"
)

// languageServer speaks with an editor on standard input and output.
func (p *program) languageServer(ctx context.Context) error {
	s := lspserver.New(lspserver.Options{In: p.stdin, Out: p.stdout, Version: buildVersion().Version})
	if code := s.Run(ctx); code != exitOK {
		return exitError(code)
	}
	return nil
}
