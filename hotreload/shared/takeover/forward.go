package takeover

import (
	"context"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
)

// newForwarder returns a handler that passes requests on to whoever accepts
// connections at addr. They arrive as they came, but for the address that they
// come from.
func newForwarder(addr net.Addr, errors *log.Logger) http.Handler {
	var dialer net.Dialer
	transport := func(p *http.Protocols) *http.Transport {
		return &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, addr.Network(), addr.String())
			},
			DisableKeepAlives:  true, // no connection outlives its request
			DisableCompression: true,
			Protocols:          p,
		}
	}
	var one, two http.Protocols
	one.SetHTTP1(true)
	two.SetUnencryptedHTTP2(true)
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.URL.RawQuery = "http", addr.String(), r.In.URL.RawQuery
			r.Out.Host = r.In.Host
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if values, ok := r.In.Header[name]; ok {
					r.Out.Header[name] = values
				}
			}
		},
		Transport:     byVersion{transport(&one), func() http.RoundTripper { return transport(&two) }},
		FlushInterval: -1, // at once
		ErrorLog:      errors,
	}
}

// byVersion sends a request with the version of HTTP that it came with, because
// a handler, such as one of gRPC, may need it.
//
// Each request of HTTP/2 has a transport of its own: requests side by side would
// share a connection, and lose it when the first of them is answered.
type byVersion struct {
	one http.RoundTripper
	two func() http.RoundTripper
}

func (v byVersion) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Context().Value(connKey{}).(*conn).isHTTP2() {
		return v.two().RoundTrip(r)
	}
	return v.one.RoundTrip(r)
}
