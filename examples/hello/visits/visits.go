// Package visits counts visits. It is a host package: main imports it too, so
// a Counter is the same type for every generation of the handlers.
package visits

import "sync/atomic"

// Counter counts visits; it is safe for concurrent use.
type Counter struct{ n atomic.Int64 }

// Add counts one visit and returns how many there were.
func (c *Counter) Add() int64 { return c.n.Add(1) }
