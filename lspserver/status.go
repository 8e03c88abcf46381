package lspserver

import (
	"context"

	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// folderParams name an application; without a folder the only one is meant.
type folderParams struct {
	Folder uri.URI `json:"folder"`
}

func statusFeature() family {
	return family{
		methods: map[string]method{
			"anvil/statusOf": ask(func(_ context.Context, v *view.View, p *folderParams) (any, error) {
				f, err := feature.FolderNamed(v, p.Folder)
				if err != nil {
					return nil, err
				}
				return &f.Status, nil
			}),
		},
		changed: func(s *Server, old, now *view.Folder) {
			if s.client.Notifications && old.Status != now.Status {
				s.conn.NotifyLatest("anvil/status", string(now.URI), &now.Status)
			}
		},
	}
}

// tell puts the status together; f.mu is held.
func (f *session) tell(v *view.Folder) view.Status {
	st := view.Status{
		Folder: v.URI, State: f.state, LastMS: f.lastMS, Rung: f.rung, Message: visible.Text(f.message),
		Attached: f.attached, Counts: f.status.Counts,
		Paused: f.paused || f.getSettings().OnSave == view.SaveManual,
	}
	if f.link != nil {
		st.State, st.Generation, st.URL = f.status.State, f.status.Generation, f.status.URL
		// With noErrors it is the session that has the other engine wait.
		st.Paused = st.Paused || f.status.Paused && f.attached && f.getSettings().OnSave != view.SaveNoErrors
		st.Problems = len(f.status.Problems)
	}
	return st
}

// shown tells the client what is new.
func (s *Server) shown(old, now *view.Folder) {
	for _, f := range s.features {
		if f.changed != nil {
			f.changed(s, old, now)
		}
	}
}
