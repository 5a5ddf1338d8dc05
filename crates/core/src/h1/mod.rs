//! The HTTP/1.1 engine: bytes in, messages out, and a verdict on the connection.
//!
//! Owns framing (RFC 9112) of both roles, the order of an exchange, the limits on what a peer may send.
//! Refuses to know sockets, clocks, pools and whether a request is sent again.
//!
//! ```text
//!                        request                          answer
//!                ┌─────────────────────┐        ┌──────────────────────────┐
//!  on_head_sent  │ Head                │        │ Head ◄─┐ 1xx             │ receive()
//!                │  ├─► AwaitContinue  │◄─ 100 ─┤  ├─────┘                 │  Interim
//!  on_continue…  │  │     │            │        │  ├─► Switched   101, 2xx │  Switched
//!                │  ├─► Body           │        │  ├─► Body ──┐   to CONNECT  Head, Data, Trailers
//!  on_body_sent  │  │     ├─► Done     │        │  └─► Ending ◄┘           │
//!  stop_sending  │  └─────┴─► Stopped  │        │        └─► Complete      │  End
//!                └──────────┬──────────┘        └────────────┬─────────────┘
//!                           └──────────► verdict() ◄─────────┘
//!                                    Reuse::Keep or why not
//! ```
//!
//! The two halves move independently (an answer may come while the request is still being sent); [`Exchange`] joins
//! them, and `state.rs` holds every transition. [`Conversation`] reads both directions of somebody else's connection.
//!
//! A whole exchange, with the two calls that a transport makes to the network left out:
//!
//! ```
//! use bytes::BytesMut;
//! use http::{HeaderMap, Method};
//! use keepwarm_core::h1::{
//!     BodyLength, Exchange, HeadExtras, HostPort, Limits, Received, RequestShape, Sending, request_head,
//! };
//!
//! // What goes out.
//! let mut out = Vec::new();
//! let extras = HeadExtras {
//!     host: Some(HostPort { host: "example.com", port: None }),
//!     close: false,
//!     length: BodyLength::Known(3),
//!     expect_continue: false,
//!     user_agent: None,
//! };
//! request_head(&mut out, &Method::POST, "/notes", &HeaderMap::new(), &extras);
//! assert_eq!(out, b"POST /notes HTTP/1.1\r\nhost: example.com\r\ncontent-length: 3\r\n\r\n");
//!
//! let shape = RequestShape {
//!     head: false,
//!     connect: false,
//!     close: false,
//!     upgrade: false,
//!     expect_continue: false,
//!     body: BodyLength::Known(3),
//! };
//! let mut exchange = Exchange::new(shape, Limits::default());
//! exchange.on_head_sent();
//! assert_eq!(exchange.sending(), Sending::Body);
//! exchange.on_body_sent();
//!
//! // What comes in, in whatever pieces.
//! let mut buffer = BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n");
//! assert!(exchange.receive(&mut buffer)?.is_none());
//! buffer.extend_from_slice(b"\r\nhello");
//! let Some(Received::Head(head)) = exchange.receive(&mut buffer)? else { panic!() };
//! assert_eq!(head.status, 200);
//! let Some(Received::Data(data)) = exchange.receive(&mut buffer)? else { panic!() };
//! assert_eq!(data, "hello");
//!
//! // The last byte decides: the connection can be given back before anybody is told of the end.
//! assert!(exchange.is_complete());
//! assert!(exchange.verdict(buffer.len()).is_keep());
//! assert!(matches!(exchange.receive(&mut buffer)?, Some(Received::End)));
//! # Ok::<(), keepwarm_core::reason::ProtocolFault>(())
//! ```

mod block;
mod body;
mod chunked;
mod classify;
mod encode;
mod exchange;
mod fields;
mod framing;
mod head;
mod limits;
mod message;
mod names;
mod state;
mod watch;

pub use block::HeaderBlock;
pub use encode::{
    HeadExtras, HostPort, chunk_end, chunk_head, connection_says, last_chunk, request_head,
};
pub use exchange::Exchange;
pub use limits::Limits;
pub use message::{BodyLength, KeepAliveHint, Received, RequestHead, RequestShape, ResponseHead};
pub use state::Sending;
pub use watch::{Conversation, Seen, Side};
