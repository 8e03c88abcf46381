//go:build !linux

package launch

import (
	"context"
	"net/netip"
)

// holder cannot be found out without the help of other programs.
func holder(context.Context, netip.Addr, string) string { return "" }
