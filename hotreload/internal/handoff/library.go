package handoff

import (
	"errors"
	stdmaps "maps"
	"os"
	"os/exec"
	"os/signal"
	"reflect"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"
	"weak"
)

// library uses what the standard library has from package runtime, under names
// of its own packages. Like [language], it is linked and never called.
//
//go:noinline
func library(n int, err error) (out []any) {
	v := reflect.ValueOf(out)
	t := v.Type()
	for i := v.MapRange(); i.Next(); {
		out = append(out, i.Key(), i.Value())
	}
	m := reflect.MakeMapWithSize(reflect.MapOf(t, t), n)
	m.SetMapIndex(v, v)
	m.Clear()
	v.Grow(n)
	v.Clear()
	c := reflect.MakeChan(reflect.ChanOf(reflect.BothDir, t), n)
	c.Send(v)
	made := reflect.MakeFunc(reflect.FuncOf([]reflect.Type{t}, nil, true),
		func([]reflect.Value) []reflect.Value { return nil })
	reflect.Copy(v, v)
	reflect.Select([]reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: c}})
	out = append(out, m, made.Call(nil), reflect.StructOf([]reflect.StructField{{Name: "F", Type: t}}),
		reflect.ArrayOf(n, t), reflect.SliceAt(t, v.UnsafePointer(), n))
	var exit *exec.ExitError
	signals := make(chan os.Signal, 1)
	signal.Notify(signals)
	signal.Ignore()
	signal.Reset()
	signal.Stop(signals)
	os.Clearenv()
	samples := make([]metrics.Sample, n)
	metrics.Read(samples)
	debug.FreeOSMemory()
	debug.ReadGCStats(&debug.GCStats{})
	debug.WriteHeapDump(0)
	info, _ := debug.ReadBuildInfo()
	if n < 0 {
		os.Exit(os.Getpagesize())
	}
	return append(out, info, stdmaps.Clone(map[string]int{}), weak.Make(&n).Value(), errors.As(err, &exit),
		exec.Command("").Run(), signal.Ignored(os.Interrupt), os.Setenv("", ""), os.Unsetenv(""), syscall.Exec("", nil, nil),
		debug.SetMaxStack(n), debug.SetMaxThreads(n), debug.SetMemoryLimit(0), debug.SetPanicOnFault(true),
		debug.SetGCPercent(n), debug.SetTraceback,
		time.NewTicker(0), time.AfterFunc(0, nil))
}
