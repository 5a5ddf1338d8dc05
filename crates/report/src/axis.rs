//! `Span`: where the steps of an opening and of an exchange lie on the report's axis.
//!
//! Owns their order: each begins where the one before it ends, whatever the events say. Refuses to know a format.

use crate::report::{Connection, Exchange};

/// From one moment to a later one, or the same; microseconds on the report's axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: u64,
    pub(crate) until: u64,
}

impl Span {
    /// What would end before it begins is empty.
    pub(crate) fn new(from: u64, until: u64) -> Self {
        Self {
            from,
            until: until.max(from),
        }
    }

    pub(crate) fn length(self) -> u64 {
        self.until - self.from
    }

    pub(crate) fn is_empty(self) -> bool {
        self.length() == 0
    }

    /// The part that lies within `outer`; none when nothing does.
    pub(crate) fn within(self, outer: Self) -> Option<Self> {
        let from = self.from.max(outer.from);
        let until = self.until.min(outer.until);
        (from < until).then_some(Self { from, until })
    }
}

/// The steps of opening a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Resolving the name; empty when there was nothing to resolve.
    pub(crate) dns: Span,
    /// Reaching the address.
    pub(crate) tcp: Span,
    /// The TLS handshake; empty without TLS.
    pub(crate) tls: Span,
    /// From the first packet to the moment at which it could be used: [`Steps::tcp`], [`Steps::tls`], and what has no
    /// step of its own.
    pub(crate) connect: Span,
}

impl Steps {
    pub(crate) fn of(connection: &Connection) -> Self {
        let whole = Span::new(connection.dialed_us, connection.opened_us);
        let after =
            |from: u64, takes: u64| Span::new(from, from.saturating_add(takes).min(whole.until));
        let dns = after(whole.from, connection.dns_us);
        let tcp = after(dns.until, connection.connect_us);
        let handshake = connection.tls_us.unwrap_or(0);
        // What is said to a proxy comes before the handshake, HTTP/2's first frames after it.
        let begins = if connection.via.is_some() {
            whole.until.saturating_sub(handshake).max(tcp.until)
        } else {
            tcp.until
        };
        Self {
            dns,
            tcp,
            tls: after(begins, handshake),
            connect: Span::new(dns.until, whole.until),
        }
    }
}

/// The phases of an exchange, without a gap from its beginning to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Phases {
    /// Until it had its connection, or was given up.
    pub(crate) queue: Span,
    /// Until the request was written, or its answer had begun.
    pub(crate) send: Span,
    /// Until the final answer's head was here.
    pub(crate) wait: Span,
    /// Until it was over.
    pub(crate) receive: Span,
}

impl Phases {
    /// Of an exchange in a report of this length.
    pub(crate) fn of(exchange: &Exchange, length_us: u64) -> Self {
        let from = exchange.asked_us;
        let until = exchange.until_us(length_us).max(from);
        let taken = exchange.taken_us.unwrap_or(until).clamp(from, until);
        let head = exchange.head_us.unwrap_or(until).clamp(taken, until);
        // An answer may begin, and even end, before its request is sent whole.
        let sent = exchange.sent_us.unwrap_or(head).clamp(taken, head);
        Self {
            queue: Span::new(from, taken),
            send: Span::new(taken, sent),
            wait: Span::new(sent, head),
            receive: Span::new(head, until),
        }
    }

    /// From its beginning to its end.
    pub(crate) fn whole(&self) -> Span {
        Span::new(self.queue.from, self.receive.until)
    }

    /// Its time on the connection.
    pub(crate) fn on_connection(&self) -> Span {
        Span::new(self.send.from, self.receive.until)
    }
}
