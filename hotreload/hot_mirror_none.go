//go:build anvilhot && !(linux && (amd64 || arm64))

package hotreload

import "errors"

func mirror(addresses, string) error { return errors.ErrUnsupported }
