package manifest

import (
	"os"
	"strings"
	"testing"
)

// TestOldestGo: the module files say it, too.
func TestOldestGo(t *testing.T) {
	for _, name := range []string{"../go.mod", "../../go.mod"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(data); !strings.Contains(text, "\ngo "+OldestGo+"\n") && !strings.Contains(text, "\ngo "+OldestGo+".0\n") {
			t.Errorf("%s has another release than %s", name, OldestGo)
		}
	}
}
