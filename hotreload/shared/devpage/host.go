package devpage

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Local reports whether a request names this machine as its host, as those do
// that a developer makes. One that names another may come from a page of a
// stranger, who has the name lead here; it must not see messages and source.
func Local(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") // which no resolver may send elsewhere
}

// Secure sets the headers of a page of ours: nobody may frame it, guess at what
// it is, or have it load anything.
func Secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; "+
		"script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
}
