package hotreload

// Carrier is a store that hands its contents to the next process, such as one that
// keeps sessions in memory. On a warm restart (an edit of a host package, or
// anvil-lsp ctl restart) the old process asks it for its contents, and the new process
// gives them to the Carrier that has taken its place:
//
//	func (s *Store) MarshalState() ([]byte, error)    { return json.Marshal(s.all()) }
//	func (s *Store) UnmarshalState(data []byte) error { return json.Unmarshal(data, s) }
//
// A Carrier is found in the [Container]: provided ([Provide]) under the same type and
// name in both processes, or as the value of a [StateOf] with the same key. The value
// of a StateOf need not be a Carrier to come along; one that is decides what does.
//
// MarshalState is called when all requests are answered, or those that are not have
// used up their time, and not under the lock of the State. UnmarshalState is called
// before the handlers are registered; for the value of a StateOf, after initial has
// made it. Each has two seconds. If one panics, fails or takes longer, the store starts
// empty, and that is reported (ANV005).
//
// In production no process takes over, and neither method is called.
type Carrier interface {
	MarshalState() ([]byte, error)
	UnmarshalState(data []byte) error
}
