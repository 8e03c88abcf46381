package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/anvilforge/anvil-lsp/lspserver"
)

// languageServer speaks with an editor on standard input and output.
func (p *program) languageServer(ctx context.Context) error {
	// An editor that is gone is an error of writing, after which the live server is ended in good
	// order. Not ignored: children would inherit that.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)
	s := lspserver.New(lspserver.Options{In: p.stdin, Out: p.stdout, Version: buildVersion().Version})
	if code := s.Run(ctx); code != exitOK {
		return exitError(code)
	}
	return nil
}
