// Package handoff is how a plugin gives its register function to the live
// server: the builder adds to the handlers package an init function that calls
// [Give], which runs when the plugin is opened, and the loader calls [Receive]
// afterwards. A plugin made this way needs no package main that exports
// symbols, which would have to be compiled and linked for each generation.
//
// The state is the process's, because nothing but package-level state is common
// to a plugin and the program that opens it.
package handoff

import "sync"

// Function is what a plugin gave.
type Function struct {
	// ABI is the hotreload.ABIVersion that the plugin was compiled with.
	ABI int
	// Register is AnvilRegisterRoutes, of whatever type it is.
	Register any
}

var given struct {
	sync.Mutex
	functions map[int]Function // by generation
}

// Give is called by a plugin when it is opened.
func Give(generation, abi int, register any) {
	given.Lock()
	defer given.Unlock()
	if given.functions == nil {
		given.functions = map[int]Function{}
	}
	given.functions[generation] = Function{ABI: abi, Register: register}
}

// Receive returns what the plugin of a generation gave, once.
func Receive(generation int) (Function, bool) {
	if generation < 0 { // never; plugins call what is called here
		Give(generation, generation, language(generation, uint64(generation), "", nil, given.functions, &value{}))
	}
	given.Lock()
	defer given.Unlock()
	f, ok := given.functions[generation]
	delete(given.functions, generation)
	return f, ok
}
