package engine

import (
	"path/filepath"
	"testing"
)

func TestOnBattery(t *testing.T) {
	dir := t.TempDir()
	supply := func(name, kind, online string) {
		writeFile(t, kind+"\n", filepath.Join(dir, name, "type"))
		writeFile(t, online+"\n", filepath.Join(dir, name, "online"))
	}
	if onBattery(dir) || onBattery(filepath.Join(dir, "none")) {
		t.Error("a system that tells nothing is on battery")
	}
	supply("BAT0", "Battery", "1")
	if onBattery(dir) {
		t.Error("a battery alone says nothing about the mains")
	}
	supply("AC", "Mains", "0")
	if !onBattery(dir) {
		t.Error("the mains are not connected, and it is not on battery")
	}
	supply("AC1", "Mains", "1")
	if onBattery(dir) {
		t.Error("one of two mains supplies is connected, and it is on battery")
	}
}
