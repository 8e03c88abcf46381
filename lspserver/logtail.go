package lspserver

import (
	"bytes"
	"context"
	"fmt"

	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/enginelink"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
)

// logParams are those of anvil/log.
type logParams struct {
	Folder uri.URI `json:"folder"`
	Lines  int     `json:"lines"`
}

// logResult is the answer to anvil/log.
type logResult struct {
	Text string `json:"text"`
}

func logFeature() family {
	return family{
		methods: map[string]method{
			"anvil/log": request(func(ctx context.Context, s *Server, p *logParams) (any, error) {
				f, err := s.sessionFor(p.Folder)
				if err != nil {
					return nil, err
				}
				return &logResult{Text: f.log(ctx, p.Lines)}, nil
			}),
		},
		commands: map[string]command{
			"anvil.showLog": {one: func(ctx context.Context, s *Server, f *session, _ feature.CommandArgument) (any, error) {
				return s.showText(f.log(ctx, 0), "anvil-log.txt", f)
			}},
		},
	}
}

// log returns the last lines that the live server has printed; all that are kept
// for 0. It is as text what may be any bytes.
func (f *session) log(ctx context.Context, lines int) string {
	if lines <= 0 {
		lines = -1
	}
	f.mu.Lock()
	other, attached := f.link.(*enginelink.Remote)
	pid := f.status.PID
	f.mu.Unlock()
	if !attached {
		return validText(f.output.Last(lines))
	}
	data, err := other.Log(ctx, lines)
	if err != nil {
		return fmt.Sprintf("The live server belongs to the anvil-lsp with process id %d, "+
			"which does not tell what it has printed: %v\n", pid, err)
	}
	return validText(data)
}

func validText(data []byte) string {
	return string(bytes.ToValidUTF8(data, []byte("\uFFFD")))
}
