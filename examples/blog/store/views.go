package store

import (
	"maps"
	"sync"
)

// Views counts how often each post was read, in memory only. It is there to be
// lost by a restart and kept by a reload. It is safe for concurrent use.
type Views struct {
	mu     sync.Mutex
	counts map[int64]int
}

// NewViews returns an empty Views.
func NewViews() *Views { return &Views{counts: map[int64]int{}} }

// Add counts one view of a post and returns how many there were.
func (v *Views) Add(post int64) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.counts[post]++
	return v.counts[post]
}

// All returns a copy of the counts by post.
func (v *Views) All() map[int64]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.counts)
}
