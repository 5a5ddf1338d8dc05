//! The reasons: one enum per decision that a user may ask about.
//!
//! Owns the vocabulary and its stable slugs (JSON, metrics, documentation). Refuses to know who decides.
//! Human sentences live in [`text`] and nowhere else.
//!
//! | question | answer |
//! |---|---|
//! | may this connection serve again? | [`Reuse`] with [`CloseReason`]s |
//! | why did this call open a connection? | [`Miss`] |
//! | why and by whom did this socket end? | [`Closed`] |
//! | was this request sent again, why or why not? | [`Retry`] |
//! | which limit was met, in which phase? | [`Limit`], [`Phase`] |
//! | what did the peer do wrong? | [`ProtocolFault`] |

mod close;
mod fault;
mod limit;
mod miss;
mod retry;
mod reuse;
pub mod text;

pub use close::{CloseReason, Closed, ClosedBy, PeerEnd};
pub use fault::ProtocolFault;
pub use limit::{Limit, Phase};
pub use miss::{KeyPart, Miss};
pub use retry::{Again, Retry, Stop};
pub use reuse::{Reasons, Reuse};
