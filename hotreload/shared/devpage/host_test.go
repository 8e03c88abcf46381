package devpage

import (
	"net/http"
	"testing"
)

func TestLocal(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8080": true, "LOCALHOST.:8080": true, "tenant.localhost:8080": true,
		"127.0.0.1:8080": true, "127.9.9.9": true, "[::1]:8080": true, "[::1]": true, "[::ffff:127.0.0.1]:80": true,
		"": false, "evil.example:8080": false, "localhost.evil.example": false, "notlocalhost": false, "127.0.0.1.evil.example": false,
		"192.168.1.2:8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "[fe80::1%eth0]:80": false, "2130706433": false,
	} {
		if got := Local(&http.Request{Host: host}); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}
