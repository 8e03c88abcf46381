package e2e

import (
	"os"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
