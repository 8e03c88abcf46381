package manifest

import "strings"

// AnyMethod is the method of a route that takes all of them.
const AnyMethod = "*"

// Slot is where a route stands in the router. Package rules decides which can be
// registered.
type Slot struct {
	Method  string // upper case, or AnyMethod
	Pattern string // in chi's pattern language, with the prefixes of its groups
	// Root says that it is the root of a group, which answers with and without a
	// slash at the end.
	Root bool
	// Mount says that it answers for everything below the pattern.
	Mount bool
}

// String names the route for a person.
func (s Slot) String() string {
	switch {
	case s.Mount:
		return "Mount " + s.Pattern
	case s.Method == AnyMethod:
		return "Handle " + s.Pattern
	}
	return s.Method + " " + s.Pattern
}

// Rank orders routes for insertion into the router, where the later one wins: a
// route for one method stands beside one for all, and wins over it.
func (s Slot) Rank() int {
	switch {
	case s.Mount:
		return 0
	case s.Method == AnyMethod:
		return 1
	}
	return 2
}

// Patterns returns what the router knows the route by. It may be inserted by
// these, unless it is a Mount.
func (s Slot) Patterns() []string {
	switch {
	case s.Mount:
		return []string{strings.TrimSuffix(s.Pattern, "/") + "/*"}
	case s.Root:
		return []string{s.Pattern, s.Pattern + "/"}
	}
	return []string{s.Pattern}
}
