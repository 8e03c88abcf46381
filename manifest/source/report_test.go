package source

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// TestReports checks the programs in testdata: findings against the
// expectations in their source, registrations against the section "report".
func TestReports(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no programs: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a := parseArchive(t, name)
			_, overlay := archived(t, a)
			r := checkArchive(t, a)
			compareFindings(t, r.Findings, wants(t, overlay))
			got := describe(r)
			if testkit.Updating() {
				setSection(a, "report", got)
				writeArchive(t, name, a)
				return
			}
			if want := section(a, "report"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
