package reply

import (
	"net/http/httptest"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible/visibletest"
)

// TestPlainAnswer: a panic can have what was sent with the request, which ends on
// the terminal of whoever asks with curl.
func TestPlainAnswer(t *testing.T) {
	var f Fault
	visibletest.Fill(&f)
	f.Status = 500
	w := httptest.NewRecorder()
	WriteText(w, f)
	visibletest.Check(t, "text", w.Body.String())
}
