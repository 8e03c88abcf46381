package console

import (
	"encoding/json"
	"io"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

// JSON shows events as they are, one object a line. docs/json.md describes them.
type JSON struct {
	mu  sync.Mutex
	enc *json.Encoder
}

// NewJSON returns a JSON that writes to w.
func NewJSON(w io.Writer) *JSON {
	enc := json.NewEncoder(visible.JSON(w))
	enc.SetEscapeHTML(false)
	return &JSON{enc: enc}
}

// Event writes an event, unless it only counts requests: whoever reads the lines wants to know what
// becomes of the saves. Errors of writing are dropped.
func (j *JSON) Event(ev control.Event) {
	if ev.Kind == control.EventRequests {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.enc.Encode(ev)
}
