// Package rpc carries JSON-RPC messages over a pair of streams, framed as the
// Language Server Protocol wants it.
//
// It stands beside the types of go.lsp.dev/protocol instead of using the
// connection that comes with them, because a language server must survive its
// client:
//
//   - Whatever arrives is answered or skipped, and the stream goes on: a header
//     that makes no sense, a message that is too long, bytes that are no JSON. Where
//     the frame is lost it is found again at the next Content-Length.
//   - Nothing that waits to be sent grows without bound. A client that does not
//     read is not written to: what has a key is replaced by what is newer, what
//     has none is dropped from the oldest on, and while too many requests wait
//     for their answers no more is read ahead than it takes to see the client end.
//
// Requests reach the [Handler] in the order in which they arrive; what they
// return is computed side by side.
package rpc
