//! Owns the record of what really reached the server and what it did, and the questions a test
//! asks of it. Knows nothing of sockets and does not wait.

use std::fmt;
use std::time::Duration;

use crate::request::{Head, find_header};

/// The body bytes kept of one request; the rest is counted and hashed.
pub const BODY_RECORD_LIMIT: usize = 64 << 10;
/// The bytes of memory all records of one lab may take (about); beyond, only counters go on.
const RECORD_BUDGET: usize = 64 << 20;
/// What one entry is charged besides the bytes it holds.
const ENTRY_COST: usize = 128;

/// Everything a lab has seen and done, connection by connection.
#[derive(Debug, Clone)]
pub struct Transcript {
    connections: Vec<ConnectionRecord>,
    counters: Counters,
    budget: usize,
    dropped: u64,
}

impl Default for Transcript {
    fn default() -> Self {
        Self {
            connections: Vec::new(),
            counters: Counters::default(),
            budget: RECORD_BUDGET,
            dropped: 0,
        }
    }
}

/// Sums over all connections of a lab. They stay right when the records are full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections accepted so far.
    pub accepted: u64,
    /// Connections open now.
    pub open: u64,
    /// Request heads received in full.
    pub requests: u64,
    /// Connections ended by the lab with FIN.
    pub closed_by_lab: u64,
    /// Connections ended by the lab with RST.
    pub reset_by_lab: u64,
    /// Connections the peer ended with FIN.
    pub closed_by_peer: u64,
    /// Connections the peer ended with RST.
    pub reset_by_peer: u64,
}

/// One accepted connection.
#[derive(Debug, Clone)]
pub struct ConnectionRecord {
    /// The number of the connection in order of acceptance, from 1.
    pub number: u64,
    /// The peer's address, or `unix` for a Unix socket.
    pub peer: String,
    /// What happened, in order.
    pub entries: Vec<Timed>,
}

/// An entry and when it was made.
#[derive(Debug, Clone)]
pub struct Timed {
    /// Time since the lab started.
    pub at: Duration,
    /// What happened.
    pub entry: Entry,
}

/// One thing that happened on a connection.
#[derive(Debug, Clone)]
pub enum Entry {
    /// The lab accepted the connection.
    Accepted,
    /// The connection ended; always the last entry.
    Ended(End),
    /// The script arrived at the gate of this name (it may be open already).
    Gate(String),
    /// The lab shut down its sending side.
    HalfClosed,
    /// The peer sent what the lab does not take: a head over its limit, or nonsense for chunks.
    Refused(&'static str),
    /// A request head arrived; its body is added while it arrives.
    Request(Request),
    /// The lab sent; writes in a row are one entry, with the time of the first.
    Sent {
        /// The bytes of all these writes.
        bytes: u64,
        /// How many writes there were.
        writes: u64,
    },
}

/// How a connection ended, and by whom: the first end that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The lab closed it (FIN), or was stopped.
    ClosedByLab,
    /// The peer closed it, or its sending side (FIN).
    PeerClosed,
    /// The peer reset it (RST).
    PeerReset,
    /// The lab reset it (RST).
    ResetByLab,
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// Place in the order of arrival over all connections, from 1.
    pub order: u64,
    /// The connection it came on, from 1.
    pub connection: u64,
    /// The method.
    pub method: String,
    /// The request target as sent.
    pub target: String,
    /// The version as sent, `HTTP/1.1`.
    pub version: String,
    /// The headers in order, names as sent, values trimmed.
    pub headers: Vec<(String, String)>,
    /// The head's bytes, blank line included.
    pub head: Vec<u8>,
    /// The first [`BODY_RECORD_LIMIT`] bytes of the body, without chunk framing.
    pub body: Vec<u8>,
    /// All body bytes that arrived.
    pub body_bytes: u64,
    /// FNV-1a (64 bit) over all body bytes that arrived; compare with [`body_hash`].
    pub body_hash: u64,
    /// Whether the body arrived to its end.
    pub body_complete: bool,
}

impl Request {
    /// The first value of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }

    /// How many times a header was sent.
    #[must_use]
    pub fn header_count(&self, name: &str) -> usize {
        let same = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).count()
    }
}

const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

fn hash_on(hash: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(hash, step)
}

/// The hash that [`Request::body_hash`] has for this body.
#[must_use]
pub fn body_hash(body: &[u8]) -> u64 {
    hash_on(HASH_START, body)
}

impl ConnectionRecord {
    /// The requests of this connection, in order.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.entries.iter().filter_map(|timed| match &timed.entry {
            Entry::Request(request) => Some(request),
            Entry::Accepted
            | Entry::Ended(_)
            | Entry::Gate(_)
            | Entry::HalfClosed
            | Entry::Refused(_)
            | Entry::Sent { .. } => None,
        })
    }

    /// How it ended; none while it is open.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        match self.entries.last()?.entry {
            Entry::Ended(end) => Some(end),
            Entry::Accepted
            | Entry::Gate(_)
            | Entry::HalfClosed
            | Entry::Refused(_)
            | Entry::Request(_)
            | Entry::Sent { .. } => None,
        }
    }

    /// When it ended, since the lab's start; none while it is open.
    #[must_use]
    pub fn ended_at(&self) -> Option<Duration> {
        self.end().and(self.entries.last()).map(|timed| timed.at)
    }

    /// The bytes the lab sent on it.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        let sent = |timed: &Timed| match timed.entry {
            Entry::Sent { bytes, .. } => bytes,
            Entry::Accepted
            | Entry::Ended(_)
            | Entry::Gate(_)
            | Entry::HalfClosed
            | Entry::Refused(_)
            | Entry::Request(_) => 0,
        };
        self.entries.iter().map(sent).sum()
    }

    /// The writes the lab sent them with.
    #[must_use]
    pub fn sent_writes(&self) -> u64 {
        let sent = |timed: &Timed| match timed.entry {
            Entry::Sent { writes, .. } => writes,
            Entry::Accepted
            | Entry::Ended(_)
            | Entry::Gate(_)
            | Entry::HalfClosed
            | Entry::Refused(_)
            | Entry::Request(_) => 0,
        };
        self.entries.iter().map(sent).sum()
    }

    /// Whether its script has arrived at this gate.
    #[must_use]
    pub fn reached(&self, gate: &str) -> bool {
        let here = |timed: &Timed| matches!(&timed.entry, Entry::Gate(name) if name == gate);
        self.entries.iter().any(here)
    }
}

impl Transcript {
    /// The connections in order of acceptance.
    #[must_use]
    pub fn connections(&self) -> &[ConnectionRecord] {
        &self.connections
    }

    /// Connection `number`, from 1.
    ///
    /// # Panics
    /// When there is no such connection (yet); the message is the transcript.
    #[must_use]
    pub fn connection(&self, number: u64) -> &ConnectionRecord {
        let found = usize::try_from(number)
            .ok()
            .and_then(|number| self.connections.get(number.checked_sub(1)?));
        found.unwrap_or_else(|| panic!("the lab has no connection {number}\n{self}"))
    }

    /// All requests, in order of arrival over all connections.
    #[must_use]
    pub fn requests(&self) -> Vec<&Request> {
        let requests = self.connections.iter().flat_map(ConnectionRecord::requests);
        let mut requests = requests.collect::<Vec<_>>();
        requests.sort_by_key(|request| request.order);
        requests
    }

    /// Request `number` of a connection, both from 1.
    ///
    /// # Panics
    /// When there is no such request (yet); the message is the transcript.
    #[must_use]
    pub fn request(&self, connection: u64, number: usize) -> &Request {
        let record = self.connection(connection);
        let found = number
            .checked_sub(1)
            .and_then(|skip| record.requests().nth(skip));
        found.unwrap_or_else(|| {
            panic!("connection {connection} of the lab has no request {number}\n{self}")
        })
    }

    /// How many requests had this target: two where one was sent is a duplicate delivery.
    #[must_use]
    pub fn requests_for(&self, target: &str) -> usize {
        let requests = self.connections.iter().flat_map(ConnectionRecord::requests);
        requests.filter(|request| request.target == target).count()
    }

    /// Whether any connection's script has arrived at this gate.
    #[must_use]
    pub fn reached(&self, gate: &str) -> bool {
        self.connections.iter().any(|record| record.reached(gate))
    }

    /// The sums.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Entries left out because the records were full (64 MiB in all).
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn on_accepted(&mut self, at: Duration, peer: String) -> u64 {
        self.counters.accepted += 1;
        self.counters.open += 1;
        let number = self.counters.accepted;
        // Once one connection is left out, all later ones are: the index stays the number.
        let next = self.connections.len() as u64 + 1 == number;
        if next && self.charge(2 * ENTRY_COST + peer.len()) {
            let accepted = Entry::Accepted;
            let entries = vec![Timed {
                at,
                entry: accepted,
            }];
            self.connections.push(ConnectionRecord {
                number,
                peer,
                entries,
            });
        } else {
            self.dropped += 1;
        }
        number
    }

    /// Gives the index of the entry, for [`Self::on_body`].
    pub(crate) fn on_request(
        &mut self,
        at: Duration,
        number: u64,
        head: &Head,
        bodiless: bool,
    ) -> Option<usize> {
        self.counters.requests += 1;
        let request = Request {
            order: self.counters.requests,
            connection: number,
            method: head.method.clone(),
            target: head.target.clone(),
            version: head.version.clone(),
            headers: head.headers.clone(),
            head: head.raw.clone(),
            body: Vec::new(),
            body_bytes: 0,
            body_hash: HASH_START,
            body_complete: bodiless,
        };
        // The head is held twice, raw and taken apart.
        let cost = 2 * head.raw.len() + 64 * head.headers.len();
        self.push(at, number, Entry::Request(request), cost)
    }

    pub(crate) fn on_body(&mut self, number: u64, entry: usize, bytes: &[u8], complete: bool) {
        let room = self.budget;
        let Some(Entry::Request(request)) = self.entry(number, entry) else {
            return;
        };
        let keep = BODY_RECORD_LIMIT.saturating_sub(request.body.len());
        let keep = keep.min(bytes.len()).min(room);
        request.body.extend_from_slice(&bytes[..keep]);
        request.body_bytes += bytes.len() as u64;
        request.body_hash = hash_on(request.body_hash, bytes);
        request.body_complete |= complete;
        self.budget -= keep;
    }

    pub(crate) fn on_sent(&mut self, at: Duration, number: u64, bytes: u64) {
        let last = self.record(number).and_then(|it| it.entries.last_mut());
        if let Some(Timed {
            entry: Entry::Sent { bytes: sum, writes },
            ..
        }) = last
        {
            *sum += bytes;
            *writes += 1;
        } else {
            let writes = 1;
            self.push(at, number, Entry::Sent { bytes, writes }, 0);
        }
    }

    pub(crate) fn on_ended(&mut self, at: Duration, number: u64, end: End) {
        self.counters.open -= 1;
        match end {
            End::ClosedByLab => self.counters.closed_by_lab += 1,
            End::PeerClosed => self.counters.closed_by_peer += 1,
            End::PeerReset => self.counters.reset_by_peer += 1,
            End::ResetByLab => self.counters.reset_by_lab += 1,
        }
        // Paid for at acceptance, so that an end is never left out.
        if let Some(record) = self.record(number) {
            let entry = Entry::Ended(end);
            record.entries.push(Timed { at, entry });
        }
    }

    pub(crate) fn push(
        &mut self,
        at: Duration,
        number: u64,
        entry: Entry,
        cost: usize,
    ) -> Option<usize> {
        if !self.charge(ENTRY_COST + cost) {
            self.dropped += 1;
            return None;
        }
        let record = self.record(number)?;
        record.entries.push(Timed { at, entry });
        Some(record.entries.len() - 1)
    }

    fn charge(&mut self, cost: usize) -> bool {
        match self.budget.checked_sub(cost) {
            Some(left) => {
                self.budget = left;
                true
            }
            None => false,
        }
    }

    fn record(&mut self, number: u64) -> Option<&mut ConnectionRecord> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.connections.get_mut(index)
    }

    fn entry(&mut self, number: u64, entry: usize) -> Option<&mut Entry> {
        let timed = self.record(number)?.entries.get_mut(entry)?;
        Some(&mut timed.entry)
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "lab transcript: {:?}", self.counters)?;
        for record in &self.connections {
            writeln!(out, "connection {} from {}", record.number, record.peer)?;
            for timed in &record.entries {
                let at = timed.at.as_secs_f64() * 1e3;
                writeln!(out, "  {at:>10.3} ms  {}", timed.entry)?;
            }
        }
        if self.dropped > 0 {
            writeln!(out, "{} entries left out", self.dropped)?;
        }
        Ok(())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => write!(out, "accepted"),
            Self::Ended(End::ClosedByLab) => write!(out, "closed by the lab"),
            Self::Ended(End::PeerClosed) => write!(out, "closed by the peer"),
            Self::Ended(End::PeerReset) => write!(out, "reset by the peer"),
            Self::Ended(End::ResetByLab) => write!(out, "reset by the lab"),
            Self::Gate(name) => write!(out, "at the gate {name:?}"),
            Self::HalfClosed => write!(out, "half-closed by the lab"),
            Self::Refused(why) => write!(out, "refused: {why}"),
            Self::Request(request) => write!(
                out,
                "request {} {} {}, {} body bytes{}",
                request.method,
                request.target,
                request.version,
                request.body_bytes,
                if request.body_complete {
                    ""
                } else {
                    " (incomplete)"
                },
            ),
            Self::Sent { bytes, writes } => write!(out, "sent {bytes} bytes in {writes} writes"),
        }
    }
}
