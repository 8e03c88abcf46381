package handoff

//lint:file-ignore SA1019 a plugin may use what is deprecated, too

import (
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync/atomic"
	"unsafe"
)

// language uses what the compiler translates into calls of the runtime. It is
// never called, but linked: so that a plugin which divides, in a program that
// never did, finds runtime.panicdivide in it. What is forgotten here is no
// mistake, only slower: the plugin is linked fully.
//
//go:noinline
func language(n int, u uint64, s string, b []byte, v any, p *value) (out []any) {
	defer func() { out = append(out, recover()) }()
	for range n {
		defer func() { n++ }()
	}
	for i := range sequence(n) {
		defer func() { n += i }()
		if i == n {
			return out
		}
	}
	out = append(out, exported...)
	out = append(out, basic...)
	out = append(out, library(n, nil)...)
	runtime.AddCleanup(&value{}, func(int) {}, n).Stop()
	go sequence(n)
	go func() { n++ }()
	out = append(out, numbers(n, u), slices(n, b), text(n, s, b), maps(n, s, p), channels(n), interfaces(v, p), compare(p),
		growing(n, p))
	println(n, u, s, b, v, p, true, 1.5, float32(n), 'x', uintptr(n), complex(float64(n), 1),
		complex64(complex(float32(n), 1)))
	clear(p.pointers[:n])
	panic(out)
}

type value struct {
	pointers [64]*int
	text     string
	float    float64
	small    float32
	complex  complex128
	c64      complex64
	any      any
	iface    interface{ M() }
	bytes    [200]byte
	large    [2000]byte
	words    [3]uint16
	quad     [16]byte
	next     *value
}

func (v value) M() {}

// through calls a method by value: the wrapper for pointers panics by itself.
func through(v interface{ M() }) { v.M() }

func sequence(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

//go:noinline
func numbers(n int, u uint64) any {
	c := complex(float64(n), 2) / complex(1, float64(n))
	return []any{n / int(u), n % int(u), n << n, n >> int(u), float64(u), uint64(real(c)), float32(u), uint32(imag(c)), c,
		min(real(c), imag(c)), max(float32(n), 2)}
}

//go:noinline
func slices(n int, b []byte) any {
	u := uint(n)
	a := make([]*int, n, n+1)
	x := make([]byte, uint64(u))
	copy(x, b)
	copied := make([]*int, len(a))
	copy(copied, a)
	array := (*[4]byte)(b)
	raw := unsafe.Slice(&x[n], n)
	str := unsafe.String(&x[u], u)
	word := a[n : n+1 : u]
	word = append(word, b2p(n), b2p(n))
	return []any{b[n], b[u], b[n:], b[:n], b[n:n], b[u:], b[:u], b[u:u], b[n:n:n], b[u:u:u], b[:n:n], b[:u:u], str[n:],
		str[:n], str[u:u], x, copied, array, raw, word, append(b, x...), append(a, copied...)}
}

func b2p(n int) *int { return &n }

//go:noinline
func text(n int, s string, b []byte) any {
	r := []rune(s)
	m := map[string]int{s: n}
	count := 0
	for range s {
		count++
	}
	for _, c := range s {
		r = append(r, c)
	}
	return []any{
		s + string(b), s + "1" + s, s + "2" + s + "3", s + s + s + s + s, s + s + s + s + s + s, string(r), string(rune(n)),
		[]byte(s), len([]rune(s)),
		m[string(b)], s < string(b), s == string(b), []byte(s + s), []byte(s + "1" + s), []byte(s + s + s + s),
		[]byte(s + s + s + s + s), []byte(s + s + s + s + s + s), count,
	}
}

//go:noinline
func maps(n int, s string, p *value) any {
	m32, m64, ms, mp32, mp64 := map[uint32]int{}, map[uint64]int{}, map[string]int{}, map[unsafe.Pointer]int{},
		make(map[chan int]int, n)
	ma, mf, mv, mi := map[any]int{}, map[float64]value{}, map[[3]uint16]*int{}, map[interface{ M() }][200]byte{}
	ml := map[string][2000]byte{s: p.large}
	large, ok6 := ml[s]
	mc, m4, mq := map[complex128]int{}, map[float32]int{}, make(map[[16]byte]int, uint64(n))
	m1, m2, m6 := map[byte]int{}, map[uint16]int{}, map[complex64]int{}
	m32[uint32(n)]++
	m64[uint64(n)]++
	ms[s]++
	mp32[unsafe.Pointer(p)]++
	mp64[make(chan int)]++
	ma[s]++
	mf[p.float] = *p
	mv[p.words] = p.pointers[n]
	mi[p.iface] = p.bytes
	mc[p.complex]++
	m4[p.small]++
	mq[p.quad]++
	m1[byte(n)]++
	m2[uint16(n)]++
	m6[p.c64]++
	_, ok1 := m32[uint32(n)]
	_, ok2 := m64[uint64(n)]
	_, ok3 := ms[s]
	_, ok4 := ma[n]
	_, ok5 := mf[p.float]
	for k, v := range ma {
		delete(ma, k)
		n += v
	}
	delete(m32, uint32(n))
	delete(m64, uint64(n))
	delete(ms, s)
	clear(ma)
	return []any{ok1, ok2, ok3, ok4, ok5, ok6, large, ml["x"], m32[1], m64[1], ms[s], ma[p], mf[1], mv, mi[p.iface],
		len(mq)}
}

//go:noinline
func channels(n int) any {
	a, b := make(chan int, n), make(chan *int, int64(n))
	c := make(chan struct{}, uint64(n))
	a <- n
	select {
	case a <- n:
	default:
	}
	select {
	case n = <-a:
	default:
	}
	x, ok := <-a
	select {
	case v := <-a:
		n += v
	case b <- &n:
	case _, ok = <-c:
	}
	close(a)
	if n < 0 {
		select {}
	}
	return []any{<-b, x, ok, len(a), cap(b)}
}

//go:noinline
func interfaces(v any, p *value) any {
	m := v.(interface{ M() })
	o, ok := v.(interface{ N() })
	x := v.(value)
	y := m.(*value)
	through(p)
	d, is := dynamic[interface{ M() }](v)
	switch t := v.(type) {
	case interface{ A() }:
		t.A()
	case interface{ B() }:
		t.B()
	case runtime.Error:
		t.RuntimeError()
	case error:
		return t.Error()
	}
	return []any{d, is, m, o, ok, x, y, uint16(p.words[0]), uint32(len(p.text)), uint64(len(p.text)), p.text,
		p.pointers[:], p.bytes, *p, any(m) == v, m == p.iface, p.any == v}
}

// dynamic asserts a type that it has from a dictionary.
//
//go:noinline
func dynamic[T any](v any) (T, bool) {
	if x, ok := v.(T); ok {
		return x, ok
	}
	return v.(T), false
}

//go:noinline
func compare(p *value) any {
	q := *p
	return []any{q == *p, q.bytes == p.bytes, q.words == p.words, q.quad == p.quad, q.pointers == p.pointers,
		q.complex == p.complex, q.c64 == p.c64, q.float == p.float, q.any == p.any, q.iface == p.iface}
}

// basic are the types whose descriptors only package runtime has, with pointers
// to them (cmd/compile/internal/reflectdata.WriteBasicTypes).
var basic = []any{
	(*[]bool)(nil), (*[]string)(nil), (*[]error)(nil), (*[]any)(nil), (*[]unsafe.Pointer)(nil), (*[]uintptr)(nil),
	(*[]int)(nil), (*[]int8)(nil), (*[]int16)(nil), (*[]int32)(nil), (*[]int64)(nil),
	(*[]uint)(nil), (*[]uint8)(nil), (*[]uint16)(nil), (*[]uint32)(nil), (*[]uint64)(nil),
	(*[]float32)(nil), (*[]float64)(nil), (*[]complex64)(nil), (*[]complex128)(nil),
	(*bool)(nil), (*string)(nil), (*error)(nil), (*any)(nil), (*unsafe.Pointer)(nil), (*uintptr)(nil),
	(*int)(nil), (*int8)(nil), (*int16)(nil), (*int32)(nil), (*int64)(nil),
	(*uint)(nil), (*uint8)(nil), (*uint16)(nil), (*uint32)(nil), (*uint64)(nil),
	(*float32)(nil), (*float64)(nil), (*complex64)(nil), (*complex128)(nil), (*func(error) string)(nil),
}

// exported is the interface of the runtime.
var exported = []any{
	runtime.BlockProfile, runtime.Breakpoint, runtime.Caller, runtime.Callers, runtime.CallersFrames, runtime.FuncForPC,
	runtime.GC,
	runtime.GOMAXPROCS, runtime.GOROOT, runtime.Goexit, runtime.GoroutineProfile, runtime.Gosched, runtime.KeepAlive,
	runtime.LockOSThread,
	runtime.MemProfile, runtime.MutexProfile, runtime.NumCPU, runtime.NumCgoCall, runtime.NumGoroutine,
	runtime.ReadMemStats, runtime.ReadTrace,
	runtime.SetBlockProfileRate, runtime.SetDefaultGOMAXPROCS, runtime.SetFinalizer, runtime.SetMutexProfileFraction,
	runtime.Stack,
	runtime.StartTrace, runtime.StopTrace, runtime.UnlockOSThread, runtime.Version, &runtime.MemProfileRate,
	runtime.BlockProfileRecord{}, runtime.Cleanup{}, (*runtime.Error)(nil), runtime.Frame{}, runtime.Frames{},
	(*runtime.Func)(nil), runtime.MemProfileRecord{},
	runtime.MemStats{}, runtime.PanicNilError{}, runtime.Pinner{}, runtime.StackRecord{}, runtime.TypeAssertionError{},
	// These have functions of the runtime that are not exported, and come with
	// net/http/pprof and the middleware of chi.
	pprof.Do, pprof.Lookup, pprof.NewProfile, pprof.Profiles, pprof.StartCPUProfile, pprof.StopCPUProfile,
	pprof.WriteHeapProfile,
	trace.IsEnabled, trace.Log, trace.NewFlightRecorder, trace.NewTask, trace.Start, trace.StartRegion, trace.Stop,
}

// growing stores pointers, one to eight at a time, and allocates in all sizes.
//
//go:noinline
func growing(n int, p *value) any {
	w := &p.pointers
	w[0] = b2p(1)
	q := p.next
	q.next = p
	x := b2p(n)
	*w = [64]*int{x, x, x, x, x, x, x, x}
	type two struct{ a, b *int }
	type three struct{ a, b, c *int }
	type four struct{ a, b, c, d *int }
	var large atomic.Pointer[value]
	large.Store(&value{text: p.text})
	return []any{&two{x, x}, &three{x, x, x}, &four{x, x, x, x}, new(int8), new(int16), new([3]int), new([5]*int),
		new([7]string), large.Load(), make([]two, n), append([]two(nil), make([]two, n)...)}
}
