// Package image takes the state of one process to the next, which has none of the
// types of the first.
//
// A [Handover] is all that goes along: a [State] for each key, and what stores that
// write themselves ([Carrier]) have written. The data of a state is an image: the
// memory of the value in words, with a description of its types by name. The writer
// finds that memory as a copy within the process does (package migrate). The reader
// fits the described types to those of its own process, by the same rules as a
// migration, and so [Arrive] reports the same losses.
//
// Whatever comes in place of an image must not crash the process: all that is read is
// checked, and bounded.
package image
