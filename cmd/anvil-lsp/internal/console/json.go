package console

import (
	"encoding/json"
	"io"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// JSON shows events as they are, one object a line. docs/json.md describes
// them.
type JSON struct {
	mu  sync.Mutex
	enc *json.Encoder
}

// NewJSON returns a JSON that writes to w.
func NewJSON(w io.Writer) *JSON {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &JSON{enc: enc}
}

// Event writes an event. Errors of writing are dropped.
func (j *JSON) Event(ev control.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.enc.Encode(ev)
}
