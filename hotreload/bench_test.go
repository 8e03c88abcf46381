package hotreload

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
)

// discard is an http.ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkServeHTTP compares a LiveState with the bare chi router that it
// stands on.
func BenchmarkServeHTTP(b *testing.B) {
	handler := func(w http.ResponseWriter, r *http.Request) {}
	bare := chi.NewRouter()
	bare.Get("/posts/{id}", handler)
	live := NewLiveState(nil)
	if err := live.Register(func(r *RouteSink) { r.Get("/posts/{id}", handler) }); err != nil {
		b.Fatal(err)
	}
	for _, server := range []struct {
		name string
		http.Handler
	}{{"chi", bare}, {"live", live}} {
		name, h := server.name, server.Handler
		request := httptest.NewRequest("GET", "/posts/7", nil)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := discard{http.Header{}}
			for b.Loop() {
				h.ServeHTTP(w, request)
			}
		})
		b.Run(name+"-parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w, r := discard{http.Header{}}, request.Clone(b.Context())
				for pb.Next() {
					h.ServeHTTP(w, r)
				}
			})
		})
	}
}
