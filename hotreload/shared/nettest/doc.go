// Package nettest has what tests of several packages need of the network: an
// address that stays theirs, and a client of HTTP/2.
package nettest
