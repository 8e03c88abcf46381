// Package bench measures the real anvil-lsp on the sample applications.
package bench

import (
	"os"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
