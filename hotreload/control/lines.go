package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// LinesPath returns the name of the file in which the engine tells whoever runs a
// plugin or an executable what the //line directives of its source do. There is
// none where there are no directives.
func LinesPath(image string) string { return image + ".lines" }

// maxLines bounds what is read of it, in bytes.
const maxLines = 64 << 20

// ReadLines returns what LinesPath tells of a plugin or an executable.
func ReadLines(image string) (manifest.Lines, error) {
	f, err := os.Open(LinesPath(image))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading lines: %w", err)
	}
	defer f.Close()
	var lines manifest.Lines
	if err := json.NewDecoder(io.LimitReader(f, maxLines)).Decode(&lines); err != nil {
		return nil, fmt.Errorf("reading lines: %w", err)
	}
	return lines, nil
}
