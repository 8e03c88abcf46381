package takeover

import "encoding/binary"

// preface is what a connection of HTTP/2 begins with (RFC 9113, section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// goAway is a GOAWAY frame that asks for no further requests without refusing
// any: its last stream is the greatest there is, its error is none (RFC 9113,
// section 6.8). The one of http.Server follows, when they have had time to come.
var goAway = []byte{
	0, 0, 8, 7, 0, 0, 0, 0, 0, // length, type, flags, stream
	0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0,
}

// frames follows the frames of HTTP/2 that are written.
type frames struct {
	header [9]byte
	have   int    // bytes of header
	left   uint32 // bytes of the payload
	any    bool   // one was written
}

// advance goes on with b.
func (f *frames) advance(b []byte) {
	for len(b) > 0 {
		if f.left > 0 {
			some := min(uint64(f.left), uint64(len(b)))
			f.left -= uint32(some)
			b = b[some:]
			continue
		}
		n := copy(f.header[f.have:], b)
		f.have += n
		b = b[n:]
		if f.have == len(f.header) {
			f.have, f.any = 0, true
			f.left = binary.BigEndian.Uint32(f.header[:4]) >> 8
		}
	}
}

// between reports whether a frame may be written here. The first must be the
// server's SETTINGS.
func (f *frames) between() bool { return f.any && f.have == 0 && f.left == 0 }
