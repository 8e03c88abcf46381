// Package thin links a Go plugin that contains only what the running process lacks.
//
// # The idea
//
// A Go plugin is linked as if it were a whole program: the linker writes the runtime, net/http and
// the rest once more, and when the plugin is opened nearly all of it is thrown away, because the
// symbols of the process that opens it win. That takes most of a second and keeps megabytes for
// good, since Go never unloads a plugin.
//
// The Go linker can leave packages out that a shared library provides (-linkshared). So it is told
// that the images which the process has loaded, its executable and earlier plugins, are that
// library. It reads of it what a [stub] holds: an ELF file that names the symbols which the objects
// to be linked refer to, with the data of type descriptors, and has no code at all.
//
// What no image has, such as a function of the standard library that nothing called so far, comes
// from the archive that defines it, as in a full link, but of that package alone. From then on this
// plugin is an image that has it. The archive need not be that of the package in the symbol's name:
// methods of an instance of a generic type, or promoted to a type without a name, are in that of
// whichever package needed them first.
//
// The objects to be linked hold copies of descriptors of types that an image has. When the plugin
// is loaded the image's count. The Go linker would link the methods of the copies all the same,
// which must be in the same link, so they are cut out (see [read]).
//
// # The steps
//
// [Linker.Link] reads the objects and their references, writes the stub, has the Go linker write
// its relocatable object go.o, mends that (see rewrite), and has the system linker make the plugin
// of it, without the C compiler. Every symbol that the plugin leaves undefined is looked up in the
// images before the file is handed out, so that a plugin which cannot be loaded is not made.
//
// Debug information (DWARF) is left out: the Go linker crashes when it writes it for a program
// whose runtime is in a shared library. Stack traces do not need it.
//
// Nothing here is promised by the toolchain. Every error means: link fully.
package thin
