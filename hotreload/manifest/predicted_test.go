package manifest

import (
	"reflect"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
)

func TestPredictedMessage(t *testing.T) {
	for _, tt := range []struct {
		code     Code
		severity Severity
		rung     Rung
		want     string
	}{
		{CodeSignature, "", RungWarmRestart, "restarts on save: x"},
		{CodeModuleChanged, "", RungWarmRestart, "restarts on save: x"},
		{CodeSignature, "", RungKeep, "x"}, // something else keeps it back
		{CodeRoute, "", RungKeep, "would not load: x"},
		{CodeGlobal, "", RungKeep, "would not load: x"},
		{CodeGlobal, "", RungWarmRestart, "x"}, // a new process registers for the first time
		{CodeGlobal, SeverityWarning, RungHotSwap, "x"},
		{CodeGlobal, SeverityWarning, RungKeep, "x"},
		{CodeModuleChanged, SeverityError, RungKeep, "would not load: x"},
		{CodeStateShape, "", RungWarmRestart, "x"},
		{CodeCompile, "", RungKeep, "x"},
	} {
		d := Diagnose(tt.code, Position{}, "x")
		if tt.severity != "" {
			d.Severity = tt.severity
		}
		if got := d.PredictedMessage(tt.rung, RestartsOnSave); got != tt.want {
			t.Errorf("%s, %s, where all come to %s: %q, want %q", d.Code, d.Severity, tt.rung, got, tt.want)
		}
	}
}

func TestFit(t *testing.T) {
	long := "a wording with so many words that no editor shows all of it in one line"
	if got := Fit(long, "short", "shorter"); got != "short" {
		t.Errorf("got %q", got)
	}
	if got := Fit(long, long+"!"); got != long+"!" {
		t.Errorf("got %q", got)
	}
}

// TestSignatureChanged looks at the few words for a change.
func TestSignatureChanged(t *testing.T) {
	slot := Slot{Method: "GET", Pattern: "/posts"}
	for _, tt := range []struct {
		was, is any
		want    string
	}{
		{func(int) {}, func(int) error { return nil }, "+ error result"},
		{func(int) error { return nil }, func(int) {}, "− error result"},
		{func(int) {}, func(int, string) {}, "+ string parameter"},
		{func(int) (string, error) { return "", nil }, func(int) (int, error) { return 0, nil }, "result was string and is int"},
		{func(int) {}, func(string) error { return nil }, "now func(string) error"},
	} {
		shapes := shape.NewReflector(nil)
		h := func(f any) Handling {
			typ := reflect.TypeOf(f)
			return Handling{"handlers.f", typ.String(), shapes.Of(typ)}
		}
		d := SignatureChanged(Position{}, slot, h(tt.was), h(tt.is), "")
		if want := "signature of GET /posts changed (" + tt.want + ")"; d.Message != want {
			t.Errorf("got %q, want %q", d.Message, want)
		}
		if want := "handlers.f was " + h(tt.was).Signature + " and is " + h(tt.is).Signature; len(d.Related) != 1 || d.Related[0].Message != want {
			t.Errorf("related: %v, want %q", d.Related, want)
		}
	}
}
