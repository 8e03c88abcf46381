package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/console"
	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

// routeList is what `routes --json` prints.
type routeList struct {
	Running    bool             `json:"running"` // the routes are live now
	Generation int              `json:"generation"`
	Time       time.Time        `json:"time"` // when they were known to be live
	URL        string           `json:"url,omitempty"`
	Routes     []manifest.Route `json:"routes"`
	// Stats are the counters of the routes that are live.
	Stats []control.RouteStats `json:"stats,omitempty"`
}

func (p *program) routes() *cobra.Command {
	var asJSON, wide bool
	cmd := &cobra.Command{
		Use:   "routes [DIR]",
		Short: "List the routes of an application",
		Long: `List the routes of the application in DIR: those that are live, if anvil-lsp runs
there, else those of the last generation that was. Without DIR it is the current
directory or the closest above it.

Of live routes it also says how many requests came since the application
started, how many of them failed (status 500 and up, or a panic) and how many are
still open, the median time to answer of the last ones, and the status of the
last one. A reload goes on counting.

On a terminal, columns that do not fit are left out, the signature first.`,
		Example: "  anvil-lsp routes\n  anvil-lsp routes examples/blog | grep POST\n  anvil-lsp routes --json | " +
			"jq '.routes[].pattern'",
		Args:              maxArgs(1),
		ValidArgsFunction: completeDirs,
		RunE: func(cmd *cobra.Command, args []string) error {
			named := ""
			if len(args) > 0 {
				named = args[0]
			}
			list, err := p.listRoutes(cmd.Context(), named)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(p.stdout, list)
			}
			if !list.Running {
				fmt.Fprintf(p.stderr, "no anvil-lsp is running; these are the routes of generation %d, live at %s\n",
					list.Generation, list.Time.Format(time.DateTime))
			}
			o := console.RoutesOptions{Color: paint.Wanted(p.stdout), Dir: p.dir}
			if paint.IsTerminal(p.stdout) && !wide {
				o.Width = paint.Width(p.stdout)
			}
			return console.Routes(p.stdout, o, list.Generation, list.Routes, list.Stats)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&wide, "wide", false, "show all columns, however wide the terminal is")
	return cmd
}

func (p *program) listRoutes(ctx context.Context, named string) (*routeList, error) {
	_, s, err := p.find(ctx, named)
	if err != nil && !errors.Is(err, errNotRunning) {
		return nil, err
	}
	if err == nil {
		if s.Live == nil || s.Live.Manifest == nil {
			return nil, fmt.Errorf("no routes are live in %s: the engine is %s", s.Dir, s.State)
		}
		return &routeList{
			Running: true, Generation: s.Live.Generation, Time: time.Now(), URL: s.URL, Routes: notNil(s.Live.Manifest.Routes),
			Stats: s.Live.Stats,
		}, nil
	}
	dir, m, readErr := p.lastManifest(named)
	if errors.Is(readErr, fs.ErrNotExist) {
		return nil, fmt.Errorf("no routes are known yet: %w", err)
	} else if readErr != nil {
		return nil, readErr
	}
	list := &routeList{Generation: m.Generation, Routes: notNil(m.Routes)}
	if st, err := os.Stat(engine.ManifestPath(dir)); err == nil {
		list.Time = st.ModTime()
	}
	return list, nil
}

func notNil(routes []manifest.Route) []manifest.Route {
	if routes == nil {
		return []manifest.Route{}
	}
	return routes
}
