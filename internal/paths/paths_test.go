package paths

import (
	"os"
	"path/filepath"
	"testing"
)

func TestBelow(t *testing.T) {
	for _, test := range []struct {
		path, dir string
		want      bool
	}{
		{"/a/b", "/a/b", true}, {"/a/b/c", "/a/b", true}, {"/a/b", "/", true}, {"/", "/", true}, {"/a/..b", "/a", true},
		{"/a/bc", "/a/b", false}, {"/a", "/a/b", false}, {"a", "/a", false}, {"", "/a", false},
	} {
		if got := Below(test.path, test.dir); got != test.want {
			t.Errorf("%q below %q: %v", test.path, test.dir, got)
		}
	}
}

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "file")
	for _, text := range []string{"old", "new"} {
		if err := Replace(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := Replace(filepath.Dir(path), nil); err == nil {
		t.Error("a directory was replaced")
	}
}
