package migrate

import (
	"reflect"
	"sync"
	"time"
)

// lockSet holds the locks that are part of a value while it is copied: whoever
// guards the value with a lock of its own, instead of State.Update, does not
// race with the copy either.
//
// A lock is only tried, because its holder may be waiting for the lock of the
// key, which is held meanwhile.
type lockSet struct {
	unlocks map[uintptr]func() // how to unlock, by address
	// ignore: no lock is taken.
	ignore bool
}

// The patience with a lock: each try, the pause between two, and how often
// everything is let go and done again.
const (
	lockTries  = 10
	LockPause  = time.Millisecond
	LockRounds = 20
)

// lock takes a lock, a variable. It reports whether that was possible.
func (l *lockSet) lock(v reflect.Value) bool {
	addr := v.UnsafeAddr()
	if l.ignore || l.unlocks[addr] != nil {
		return true
	}
	var try func() bool
	var unlock func()
	switch m := v.Addr().Interface().(type) {
	case *sync.Mutex:
		try, unlock = m.TryLock, m.Unlock
	case *sync.RWMutex:
		try, unlock = m.TryRLock, m.RUnlock
	}
	for range lockTries {
		if try() {
			l.unlocks[addr] = unlock
			return true
		}
		time.Sleep(LockPause)
	}
	return false
}

func (l *lockSet) unlock() {
	for _, unlock := range l.unlocks {
		unlock()
	}
	clear(l.unlocks)
}
