// Command anvil-lsp hot-reloads Go web applications: save a handler, and the
// running server has it.
package main

import (
	"os"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/cli"
)

func main() { os.Exit(cli.Main()) }
