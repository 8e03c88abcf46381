package migrate

import (
	"math"
	"reflect"
)

// AreNumbers reports whether Go converts one kind of number to the other.
func AreNumbers(from, to reflect.Kind) bool {
	isReal := func(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Float64 }
	isComplex := func(k reflect.Kind) bool { return k == reflect.Complex64 || k == reflect.Complex128 }
	return isReal(from) && isReal(to) || isComplex(from) && isComplex(to)
}

// SetNumber sets a variable of a basic type to the value of another one, if
// that is exactly possible.
func SetNumber(dst, src reflect.Value) bool {
	switch {
	case src.Kind() == reflect.String:
		dst.SetString(src.String())
	case src.Kind() == reflect.Bool:
		dst.SetBool(src.Bool())
	case src.CanInt():
		return setInt(dst, src.Int())
	case src.CanUint():
		return setUint(dst, src.Uint())
	case src.CanFloat():
		return setFloat(dst, src.Float())
	case src.CanComplex():
		return setComplex(dst, src.Complex())
	}
	return true
}

func setInt(dst reflect.Value, n int64) bool {
	switch {
	case dst.CanInt():
		if dst.OverflowInt(n) {
			return false
		}
		dst.SetInt(n)
		return true
	case n >= 0:
		return setUint(dst, uint64(n))
	}
	// All of these are exact: a magnitude of 2^63 at most, see setUint.
	f, ok := floatOf(-uint64(n))
	return ok && setFloat(dst, -f)
}

func setUint(dst reflect.Value, n uint64) bool {
	switch {
	case dst.CanInt():
		if n > math.MaxInt64 {
			return false
		}
		return setInt(dst, int64(n))
	case dst.CanUint():
		if dst.OverflowUint(n) {
			return false
		}
		dst.SetUint(n)
		return true
	}
	f, ok := floatOf(n)
	return ok && setFloat(dst, f)
}

// floatOf returns n as a float64 if there is one that equals it.
func floatOf(n uint64) (float64, bool) {
	f := float64(n)
	return f, f < 1<<64 && uint64(f) == n
}

func setFloat(dst reflect.Value, f float64) bool {
	switch {
	case dst.CanFloat():
		if dst.Kind() == reflect.Float32 && !isFloat32(f) {
			return false
		}
		dst.SetFloat(f)
		return true
	case f != math.Trunc(f): // NaN too
		return false
	case dst.CanInt():
		if f < -(1<<63) || f >= 1<<63 {
			return false
		}
		return setInt(dst, int64(f))
	}
	if f < 0 || f >= 1<<64 {
		return false
	}
	return setUint(dst, uint64(f))
}

func setComplex(dst reflect.Value, c complex128) bool {
	if dst.Kind() == reflect.Complex64 && !(isFloat32(real(c)) && isFloat32(imag(c))) {
		return false
	}
	dst.SetComplex(c)
	return true
}

// isFloat32 reports whether f is the same in single precision.
func isFloat32(f float64) bool { return float64(float32(f)) == f || math.IsNaN(f) }

// SetText sets a variable to a string or a slice of bytes or runes, if what it
// gets can be turned back.
func SetText(dst, src reflect.Value) bool {
	now := src.Convert(dst.Type())
	back := now.Convert(src.Type())
	same := src.Len() == back.Len()
	for i := 0; same && i < src.Len(); i++ {
		same = src.Index(i).Equal(back.Index(i))
	}
	if same {
		dst.Set(now)
	}
	return same
}
