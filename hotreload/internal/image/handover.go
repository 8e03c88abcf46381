package image

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
)

// Handover is the state of one process on its way to the next. encoding/gob
// writes it, and each value in it by itself, so that what is wrong with one does
// no harm to the others.
type Handover struct {
	Format string
	States []State // by key
	Things []Thing // by name
	// Running is how many requests were not answered in time.
	Running int
}

// handoverFormat names the format, which may change with the version of this package.
const handoverFormat = "anvil state 1"

// State is the value of a key: an image, or what a Carrier has written.
type State struct {
	Key     string
	Data    []byte
	Carrier bool
	Failed  string // why there is no Data
}

// Thing is what a Carrier has written that was provided.
type Thing struct {
	Name   string // type and name
	Data   []byte
	Failed string
}

// Encode writes the handover, with at most limit bytes of data in it.
func (h *Handover) Encode(limit int) ([]byte, error) {
	h.Format = handoverFormat
	bound := func(data *[]byte, failed *string) {
		if len(*data) > limit {
			*data, *failed = nil, reason(errTooLarge)
		}
		limit -= len(*data)
	}
	for i := range h.Things {
		bound(&h.Things[i].Data, &h.Things[i].Failed)
	}
	for i := range h.States {
		bound(&h.States[i].Data, &h.States[i].Failed)
	}
	return encodeGob(h)
}

// Decode reads what Encode has written.
func Decode(data []byte) (h Handover, err error) {
	if err := decodeGob(data, &h); err != nil {
		return h, err
	}
	if h.Format != handoverFormat {
		return h, fmt.Errorf("its format is %q, want %q", h.Format, handoverFormat)
	}
	return h, nil
}

// Carrier is hotreload.Carrier.
type Carrier interface {
	MarshalState() ([]byte, error)
	UnmarshalState(data []byte) error
}

// CarrierIn returns the Carrier that a variable is, or holds; nil if it is none.
func CarrierIn(v reflect.Value) Carrier {
	if k := v.Kind(); (k == reflect.Interface || k == reflect.Pointer) && v.IsNil() {
		return nil
	}
	if c, ok := v.Interface().(Carrier); ok {
		return c
	}
	c, _ := v.Addr().Interface().(Carrier)
	return c
}

// within calls f on another goroutine, which it no longer waits for when time is
// up.
func within(ctx context.Context, limit control.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(limit))
	defer cancel()
	ended := make(chan error, 1) // nobody may be there to receive
	go func() {
		err := errors.New("it ended its goroutine: runtime.Goexit was called")
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
			ended <- err
		}()
		err = f(ctx)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return late(limit)
	}
}

func late(limit control.Duration) error {
	return fmt.Errorf("it was not done after %v", time.Duration(limit))
}

// reason says why something does not go along.
func reason(err error) string {
	if errors.Is(err, errTooLarge) {
		return fmt.Sprintf("it is larger than what is left of the %d MiB that go along", control.MaxState>>20)
	}
	return err.Error()
}

// WriteThing writes what was provided under a name.
func WriteThing(ctx context.Context, name string, carrier Carrier) Thing {
	data, failed := marshal(ctx, carrier)
	return Thing{name, data, failed}
}

func marshal(ctx context.Context, carrier Carrier) (data []byte, failed string) {
	var out []byte
	err := within(ctx, control.HandoverCarrier, func(context.Context) (err error) {
		out, err = carrier.MarshalState()
		return err
	})
	if err != nil { // and out may be set later
		return nil, "MarshalState: " + err.Error()
	}
	return out, ""
}

// WriteState writes the value of a key, of at most limit bytes. Without a value the
// result has no key.
func WriteState(ctx context.Context, key string, value migrate.Source, limit int) State {
	var data []byte
	var carrier Carrier
	made := true
	err := within(ctx, control.HandoverState, func(ctx context.Context) (err error) {
		made = value.Read(func(v reflect.Value) { carrier = CarrierIn(v) })
		if !made || carrier != nil {
			return nil
		}
		img, err := imageOf(ctx, value, limit)
		if err != nil {
			return err
		}
		data, err = encodeGob(img)
		return err
	})
	switch {
	case err != nil: // and what the function sets may be set later
		return State{Key: key, Failed: reason(err)}
	case !made:
		return State{}
	case carrier != nil:
		out, failed := marshal(ctx, carrier)
		return State{Key: key, Data: out, Carrier: true, Failed: failed}
	}
	return State{Key: key, Data: data}
}

// imageOf makes the image of a kept value. If somebody holds a lock inside of it
// for long, it tries again and in the end does without.
func imageOf(ctx context.Context, value migrate.Source, limit int) (img *image, err error) {
	check := func() error {
		if ctx.Err() != nil {
			return late(control.HandoverState)
		}
		return nil
	}
	for round := 1; ; round++ {
		done := false
		value.Read(func(old reflect.Value) {
			img, done, err = writeImage(old, newClassifier(ownPackages()), limit, check, round == migrate.LockRounds)
		})
		if done {
			return img, err
		}
		if err := check(); err != nil {
			return nil, err
		}
		time.Sleep(migrate.LockPause)
	}
}

// Unmarshal has a Carrier read its state.
func Unmarshal(carrier Carrier, data []byte) error {
	return within(context.Background(), control.HandoverCarrier, func(context.Context) error {
		return carrier.UnmarshalState(data)
	})
}
