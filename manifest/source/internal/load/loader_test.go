package load

import (
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestFaultOfOurs: a panic of the checker is told, and keeps nothing back.
func TestFaultOfOurs(t *testing.T) {
	var faults []manifest.Diagnostic
	protect(&faults, "testing", func() { panic("oh") })
	if len(faults) != 1 || faults[0].Severity != manifest.SeverityInformation || !strings.Contains(faults[0].Message, "failed while testing: oh") || faults[0].Detail == "" {
		t.Errorf("got %+v", faults)
	}
}
