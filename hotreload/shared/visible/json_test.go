package visible

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestJSON: what is read is what was written, and nothing of it is unfit to be
// shown.
func TestJSON(t *testing.T) {
	for _, s := range []string{"", "größe 日本 👩\u200d💻", "\x1b[2J\u009b\u0085\x7f\u202e\ufeff\u2028\n\t\"\\<&>", "\U000e0041\U0001f600"} {
		var b bytes.Buffer
		enc := json.NewEncoder(JSON(&b))
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		in := map[string]string{s: s}
		if err := enc.Encode(in); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.String() {
			if !Rune(r) && r != '\n' {
				t.Errorf("%q has %U", b.String(), r)
			}
		}
		var out map[string]string
		if err := json.Unmarshal(b.Bytes(), &out); err != nil || out[s] != s {
			t.Errorf("%q became %q (%v)", s, out, err)
		}
	}
}
