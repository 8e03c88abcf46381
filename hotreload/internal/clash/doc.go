// Package clash finds what the running process made before a plugin was loaded that
// has it, too: types and tables of methods. Compiled code compares them by address,
// so that code of the plugin would take equal things for different ones.
package clash
