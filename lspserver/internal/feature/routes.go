package feature

import (
	"maps"
	"slices"
	"strings"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// Route is one route as anvil/routes tells of it.
type Route struct {
	Folder          uri.URI            `json:"folder"`
	Method          string             `json:"method"`
	Pattern         string             `json:"pattern"`
	Mount           bool               `json:"mount,omitzero"`
	Handler         string             `json:"handler"`
	Kind            string             `json:"kind"`
	Signature       string             `json:"signature"`
	Location        protocol.Location  `json:"location"`
	HandlerLocation *protocol.Location `json:"handlerLocation,omitzero"`
	URL             string             `json:"url"`
	Generation      int                `json:"generation"`
	// Pending: the source has it, and the live server not yet.
	Pending bool        `json:"pending,omitzero"`
	Stats   *RouteStats `json:"stats,omitzero"`
	Break   *RouteBreak `json:"break,omitzero"`
	Panic   *RoutePanic `json:"panic,omitzero"`
	// Example is what a request can look like, of a typed handler.
	Example shape.Example `json:"example,omitzero"`
}

// RouteStats is what the live server has counted for a route.
type RouteStats struct {
	Requests   int64     `json:"requests"`
	Errors     int64     `json:"errors"`
	P50MS      float64   `json:"p50Ms"`
	LastStatus int       `json:"lastStatus"`
	LastMS     float64   `json:"lastMs"`
	LastAt     time.Time `json:"lastAt"`
}

// RouteBreak is what a save would break about a route.
type RouteBreak struct {
	Code    manifest.Code `json:"code"`
	Message string        `json:"message"`
}

// RoutePanic is the last panic of a route's handler in the live generation.
type RoutePanic struct {
	Message  string             `json:"message"`
	Request  string             `json:"request"` // method and URL
	At       time.Time          `json:"at"`
	Location *protocol.Location `json:"location,omitzero"`
}

// RoutesResult is the answer to anvil/routes.
type RoutesResult struct {
	Routes []Route `json:"routes"`
}

// SameRoutes reports whether the source has the same routes, wherever they
// stand, and a save would break the same.
func SameRoutes(a, b *view.Folder) bool {
	if a.Prediction == b.Prediction {
		return true
	}
	if a.Prediction == nil || b.Prediction == nil {
		return false
	}
	return slices.EqualFunc(a.Prediction.Report.Routes, b.Prediction.Report.Routes, func(x, y source.Route) bool {
		p, q := routeBreak(a, &x), routeBreak(b, &y)
		x.Position, y.Position = manifest.Position{}, manifest.Position{}
		return x.Route == y.Route && (p == nil) == (q == nil) && (p == nil || p.Message == q.Message)
	})
}

func RoutesIn(v *view.View, folder uri.URI) (any, error) {
	folders := v.Folders
	if folder != "" {
		f, err := FolderNamed(v, folder)
		if err != nil {
			return nil, err
		}
		folders = []*view.Folder{f}
	}
	out := RoutesResult{Routes: []Route{}}
	for _, f := range folders {
		out.Routes = append(out.Routes, Routes(v, f)...)
	}
	return &out, nil
}

// Routes returns the routes of an application: those of the live generation,
// and those that the source has beside them, in the order of the manifest.
func Routes(v *view.View, f *view.Folder) []Route {
	var out []Route
	at := v.Locator(f)
	inSource := map[manifest.RouteKey]*source.Route{}
	if f.Prediction != nil && f.Prediction.Report != nil {
		for i := range f.Prediction.Report.Routes {
			r := &f.Prediction.Report.Routes[i]
			if k := r.Key(); inSource[k] == nil {
				inSource[k] = r
			}
		}
	}
	if f.Manifest != nil {
		for _, r := range f.Manifest.Routes {
			k := r.Key()
			out = append(out, newRoute(v, f, at, r, inSource[k], false))
			delete(inSource, k)
		}
	}
	pending := slices.SortedFunc(maps.Values(inSource), func(a, b *source.Route) int {
		return a.Key().Compare(b.Key())
	})
	for _, r := range pending {
		out = append(out, newRoute(v, f, at, r.Route, r, true))
	}
	return out
}

// newRoute puts together what is known of a route. Where it stands the source
// knows best.
func newRoute(v *view.View, f *view.Folder, here *view.Locator, r manifest.Route, src *source.Route,
	pending bool) Route {
	out := Route{
		Folder: f.URI, Method: r.Method, Pattern: r.Pattern, Mount: r.Mount, Handler: r.Handler, Kind: r.Kind,
		Signature:  r.Signature,
		Generation: f.Status.Generation, Pending: pending, Stats: StatsOf(f, r.Key()),
	}
	at := r.Position
	if src != nil {
		at, _ = here.Now(src.Position)
		if p, ok := here.Now(src.HandlerPosition); ok {
			loc := here.Location(p)
			out.HandlerLocation = &loc
		}
	}
	if at.File != "" {
		out.Location = here.Location(at)
	}
	if !Parametric(r.Pattern) {
		out.URL = URLOf(f, r.Pattern)
	}
	out.Example = shape.ExampleOf(r.Shape)
	if b := routeBreak(f, src); b != nil {
		out.Break = &RouteBreak{Code: b.Code, Message: b.Message}
	}
	if p := lastPanic(f, r.Key()); p != nil && p.Generation == f.Status.Generation {
		out.Panic = &RoutePanic{Message: p.Message, At: p.Time, Request: p.Request}
		if p.File != "" {
			loc := here.Location(p.Position)
			out.Panic.Location = &loc
		}
	}
	return out
}

// routeBreak returns what a save would break about a route of the source; nil if it
// breaks nothing.
func routeBreak(f *view.Folder, src *source.Route) *manifest.Diagnostic {
	if src == nil || f.Prediction == nil {
		return nil
	}
	for i := range f.Prediction.Diagnostics {
		d := &f.Prediction.Diagnostics[i]
		if d.Code.Rung() == manifest.RungHotSwap {
			continue
		}
		if view.SameLine(d.Position, src.SignaturePosition) || view.SameLine(d.Position, src.Position) {
			return d
		}
	}
	return nil
}

// StatsOf returns what the live server has counted for a route; nil if it does
// not count.
func StatsOf(f *view.Folder, k manifest.RouteKey) *RouteStats {
	s := f.Counters.Of(k)
	if s == nil {
		return nil
	}
	return &RouteStats{
		Requests: s.Requests, Errors: s.Errors, P50MS: milliseconds(s.P50),
		LastStatus: s.LastStatus, LastMS: milliseconds(s.LastDuration), LastAt: s.LastTime,
	}
}

// lastPanic returns the last panic of a route, of whatever generation; nil if
// there was none.
func lastPanic(f *view.Folder, k manifest.RouteKey) *control.RoutePanic {
	if s := f.Counters.Of(k); s != nil {
		return s.Panic
	}
	return nil
}

func milliseconds(d control.Duration) float64 {
	return float64(time.Duration(d).Microseconds()) / 1000
}

// Parametric reports whether a pattern has places for values, so that it is no
// path.
func Parametric(pattern string) bool { return strings.ContainsAny(pattern, "{*") }

// URLOf returns where a path is served; empty if nothing is.
func URLOf(f *view.Folder, path string) string {
	if f.Status.URL == "" {
		return ""
	}
	return strings.TrimSuffix(f.Status.URL, "/") + "/" + strings.TrimPrefix(path, "/")
}
