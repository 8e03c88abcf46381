// Package hotreload has the declarations of the runtime that the analyzers know.
package hotreload

import "context"

type (
	Container    struct{}
	RouteSink    struct{}
	Ctx          struct{}
	State[T any] struct{ v T }
)

func (*RouteSink) Container() *Container          { return nil }
func (*RouteSink) Context() context.Context       { return nil }
func (*RouteSink) Get(pattern string, h any)      {}
func (*RouteSink) Group(string, func(*RouteSink)) {}
func (s *State[T]) Get() T                        { return s.v }

func IsHotMode() bool                                       { return true }
func Provide[T any](*Container, T)                          {}
func MustLookup[T any](*Container) (v T)                    { return v }
func StateOf[T any](*Container, string, func() T) *State[T] { return nil }
