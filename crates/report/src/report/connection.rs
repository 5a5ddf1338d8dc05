//! `Connection`: one lane of the picture.
//!
//! Owns what is known of a connection's life. Refuses to judge: [`Blame`] is given to it.

use serde::Serialize;

use crate::cause::Cause;

/// A connection from its first packet to its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Connection {
    /// Its number within its client, as everything else tells it: `#3`.
    pub number: u64,
    /// Index of its source.
    pub source: usize,
    /// The number of its client within its source.
    pub client: u64,
    /// Index of its origin.
    pub origin: usize,
    /// Whether it was opened before the events begin: then [`Connection::opened_us`] is when it was first seen, and it
    /// counts as opened nowhere.
    pub is_older: bool,
    /// When its opening began.
    pub dialed_us: u64,
    /// When it was open: what could be said on it.
    pub opened_us: u64,
    /// Resolving the name.
    pub dns_us: u64,
    /// Reaching the address.
    pub connect_us: u64,
    /// The TLS handshake; none without TLS.
    pub tls_us: Option<u64>,
    /// Our address.
    pub local: Option<String>,
    /// The server's, or the proxy's.
    pub remote: Option<String>,
    /// `h1`, `h2`.
    pub protocol: String,
    /// The encryption.
    pub tls: Option<Tls>,
    /// The proxy on the way, without credentials.
    pub via: Option<String>,
    /// Why it was opened, by the slug of `Miss`; none when nobody told.
    pub miss: Option<String>,
    /// The same, as a sentence.
    pub miss_text: Option<String>,
    /// Indexes of its exchanges, in the order of their start.
    pub exchanges: Vec<usize>,
    /// How it ended; none while it is open.
    pub end: Option<End>,
    /// Whether it had to be opened.
    pub necessity: Necessity,
    /// Which earlier connection should have served in its place, and what became of that; none when none could.
    pub blame: Option<Blame>,
}

impl Connection {
    /// When it ended, or the report did.
    pub fn until_us(&self, length_us: u64) -> u64 {
        self.end.as_ref().map_or(length_us, |end| end.at_us)
    }

    /// What its opening cost, up to the moment at which it could be used.
    pub fn handshake_us(&self) -> u64 {
        self.opened_us.saturating_sub(self.dialed_us)
    }
}

/// The encryption of a connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tls {
    /// `1.2`, `1.3`.
    pub version: String,
    /// The suite's registered name.
    pub cipher: String,
    /// The protocol agreed on.
    pub alpn: Option<String>,
    /// Whether an earlier session was taken up again.
    pub resumed: bool,
    /// The name asked for.
    pub server_name: String,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct End {
    /// When.
    pub at_us: u64,
    /// The slug of the reason.
    pub reason: String,
    /// The same, as a sentence.
    pub text: String,
    /// Who ended it: `us`, `peer`, `caller`, `limit`.
    pub by: String,
    /// What was seen of the end.
    pub how: How,
    /// In which part of its life.
    pub during: Life,
    /// Requests it served.
    pub requests: u64,
}

/// What a connection's end looked like from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// We closed it.
    Closed,
    /// The peer ended its side in order (FIN, close_notify).
    Fin,
    /// The peer announced the end (HTTP/2's GOAWAY).
    GoAway,
    /// Another failure of the socket.
    Failed,
    /// The peer reset it.
    Reset,
}

impl How {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Failed => "failed",
            Self::Fin => "fin",
            Self::GoAway => "go-away",
            Self::Reset => "reset",
        }
    }
}

/// The part of a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// An exchange was under way, or had just ended.
    Exchange,
    /// It was in the pool.
    Idle,
    /// It had not served anybody.
    Unused,
}

/// Whether a connection had to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Necessity {
    /// An earlier connection should have served: [`Blame`] tells which and why it did not.
    Avoidable,
    /// One before it was ended by a rule of the server that no client can change: so many requests, such an age.
    Forced,
    /// More calls were under way at once than ever before, or it is the first.
    Needed,
}

impl Necessity {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Avoidable => "avoidable",
            Self::Forced => "forced",
            Self::Needed => "needed",
        }
    }
}

/// Which earlier connection should have served, and why it did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Blame {
    /// Why.
    pub cause: Cause,
    /// Index of the earlier connection; none when it is not one that failed (a client of its own for each call).
    pub earlier: Option<usize>,
}
