package lspserver

import (
	"bytes"
	"context"
	"sync"

	"go.lsp.dev/uri"
)

// maxOutput is how much of a live server's output is kept, in bytes.
const maxOutput = 256 << 10

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex // guards data
	data []byte
}

func newTail() *tail { return &tail{} }

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if len(t.data) > 2*maxOutput {
		t.data = bytes.Clone(t.data[len(t.data)-maxOutput:])
	}
	return len(p), nil
}

// lines returns the last lines; all there are for 0.
func (t *tail) lines(n int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	data := t.data[max(0, len(t.data)-maxOutput):]
	end := len(bytes.TrimRight(data, "\n"))
	if n > 0 {
		at := end
		for range n {
			if at = bytes.LastIndexByte(data[:at], '\n'); at < 0 {
				break
			}
		}
		data = data[at+1:]
	}
	return string(bytes.ToValidUTF8(data, []byte("\uFFFD")))
}

// logParams are those of anvil/log.
type logParams struct {
	Folder uri.URI `json:"folder"`
	Lines  int     `json:"lines"`
}

// logResult is the answer to anvil/log.
type logResult struct {
	Text string `json:"text"`
}

func logFeature() feature {
	return feature{
		methods: map[string]method{
			"anvil/log": request(func(_ context.Context, s *Server, p *logParams) (any, error) {
				f, err := s.sessionFor(p.Folder)
				if err != nil {
					return nil, err
				}
				return &logResult{Text: f.log(p.Lines)}, nil
			}),
		},
		commands: map[string]command{
			"anvil.showLog": {one: func(_ context.Context, s *Server, f *session, _ commandArgument) (any, error) {
				return s.showText(f.log(0), "anvil-log.txt", f)
			}},
		},
	}
}

// log returns the last output of the live server.
func (f *session) log(lines int) string {
	f.mu.Lock()
	attached, pid := f.attached, f.status.PID
	f.mu.Unlock()
	if attached {
		return attachedLog(pid)
	}
	return f.output.lines(lines)
}
