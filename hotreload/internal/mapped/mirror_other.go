//go:build !(linux && (amd64 || arm64))

package mapped

import "errors"

func mirror(addresses, string) error { return errors.ErrUnsupported }
