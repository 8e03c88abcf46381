package hotreload

// Carrier is a store that takes its contents from one process to the next: what
// keeps sessions in memory, for instance. A warm restart (the edit of a host
// package, `anvil-lsp ctl restart`) asks it for them in the old process and
// gives them to its namesake in the new one:
//
//	func (s *Store) MarshalState() ([]byte, error)      { return json.Marshal(s.all()) }
//	func (s *Store) UnmarshalState(data []byte) error { return json.Unmarshal(data, s) }
//
// It is found where it was put into the [Container]: by [Provide], under the same
// type and name in both processes, or as the value of a [StateOf] with the same
// key. What a StateOf keeps goes along without being a Carrier; one that is says
// itself what does.
//
// MarshalState is called when no request is being answered any more, or those
// that are have used up their time, and not under the lock of the State.
// UnmarshalState is called before the handlers are registered; of a kept value
// after it was made anew. Both have two seconds. If one panics, fails or takes
// longer, the store begins empty, and that is reported (ANV005).
//
// In production, where no process takes over, neither is called.
type Carrier interface {
	MarshalState() ([]byte, error)
	UnmarshalState(data []byte) error
}
