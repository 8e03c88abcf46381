package migrate

import (
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"
)

// A number is converted exactly where its value survives.
func TestNumbersSurvive(t *testing.T) {
	types := []reflect.Type{
		reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](), reflect.TypeFor[int](),
		reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[uintptr](),
		reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	}
	exact := func(v reflect.Value) *big.Float {
		f := new(big.Float).SetPrec(200)
		switch {
		case v.CanInt():
			return f.SetInt64(v.Int())
		case v.CanUint():
			return f.SetUint64(v.Uint())
		case math.IsNaN(v.Float()):
			return nil
		}
		return f.SetFloat64(v.Float())
	}
	edges := []float64{0, 1, -1, 127, 128, -128, -129, 255, 256, 1 << 24, 1<<24 + 1, 1 << 31, 1 << 53, 1 << 63, -1 << 63, 1 << 64, 0.5, 0.1, math.MaxFloat32, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64}
	r := rand.New(rand.NewPCG(1, 2))
	for _, from := range types {
		for _, to := range types {
			for i := range 300 {
				src, dst := reflect.New(from).Elem(), reflect.New(to).Elem()
				switch {
				case src.CanFloat() && i < len(edges):
					src.SetFloat(edges[i])
				case src.CanFloat():
					src.SetFloat(r.NormFloat64() * math.Pow(2, float64(r.IntN(140)-70)))
				case src.CanInt():
					src.SetInt(int64(r.Uint64()) >> r.IntN(64))
				default:
					src.SetUint(r.Uint64() >> r.IntN(64))
				}
				ok := SetNumber(dst, src)
				was, is := exact(src), exact(src.Convert(to))
				fits := was == nil && dst.CanFloat() || was != nil && is != nil && was.Cmp(is) == 0
				if ok != fits {
					t.Fatalf("%v %v becomes %v: %v, want %v", from, src, to, ok, fits)
				}
				if got := exact(dst); ok && was != nil && got.Cmp(was) != 0 || !ok && !dst.IsZero() {
					t.Fatalf("%v %v becomes %v %v", from, src, to, dst)
				}
			}
		}
	}
}
