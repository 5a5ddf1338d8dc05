//! Events with times that are known: what real runs cannot promise.
//!
//! Owns a few short stories. Times are microseconds.

use std::sync::Arc;
use std::time::Duration;

use keepwarm_core::event::{
    CallId, ClientId, ConnectionId, DialId, EventKind, Opening, Protocol, TlsInfo, TlsVersion,
};
use keepwarm_core::origin::Origin;
use keepwarm_core::reason::{Again, CloseReason, Closed, Miss, PeerEnd, Retry, Reuse};
use keepwarm_report::{Log, Record};

/// A beginning in 2023 on the wall clock.
pub(crate) const BEGAN_US: u64 = 1_700_000_000_000_000;

/// Writes a log, event by event.
pub(crate) struct Story {
    log: Log,
    origin: Origin,
    client: u64,
    via: Option<Arc<str>>,
}

impl Story {
    pub(crate) fn new(name: &str, origin: &str) -> Self {
        Self {
            log: Log {
                name: name.to_owned(),
                began_us: BEGAN_US,
                records: Vec::new(),
                dropped: 0,
            },
            origin: origin.parse().expect("an origin"),
            client: 1,
            via: None,
        }
    }

    pub(crate) fn end(self) -> Log {
        self.log
    }

    /// What follows is of this client.
    pub(crate) fn client(&mut self, number: u64) {
        self.client = number;
    }

    /// What is opened from now on goes through this proxy.
    pub(crate) fn via(&mut self, proxy: &str) {
        self.via = Some(proxy.into());
    }

    fn add(&mut self, at_us: u64, kind: EventKind) {
        let client = ClientId(self.client);
        self.log.records.push(Record {
            at_us,
            client,
            kind,
        });
    }

    pub(crate) fn call(&mut self, at: u64, call: u64, target: &str) {
        let kind = EventKind::CallStarted {
            call: CallId(call),
            method: http::Method::GET,
            origin: self.origin.clone(),
            target: target.parse().expect("a target"),
        };
        self.add(at, kind);
    }

    pub(crate) fn dial(&mut self, at: u64, connection: u64) {
        let (dial, origin) = (DialId(connection), self.origin.clone());
        let miss = Miss::FirstForOrigin;
        self.add(at, EventKind::DialStarted { dial, origin, miss });
    }

    /// Its opening ends: so long for the name, the address and TLS.
    pub(crate) fn opened(&mut self, at: u64, connection: u64, protocol: Protocol, steps: [u64; 3]) {
        let [resolving, connecting, handshake] = steps.map(Duration::from_micros);
        let tls = (handshake > Duration::ZERO).then(|| {
            let mut tls = TlsInfo::new(TlsVersion::V1_3, "TLS_AES_128_GCM_SHA256", "api.example");
            tls.alpn = Some("http/1.1".to_owned());
            Box::new(tls)
        });
        let dialed = EventKind::DialEnded {
            dial: DialId(connection),
            outcome: Ok(ConnectionId(connection)),
        };
        let kind = EventKind::Opened {
            connection: ConnectionId(connection),
            origin: self.origin.clone(),
            local: Some("192.0.2.1:51422".parse().expect("an address")),
            remote: Some("203.0.113.7:443".parse().expect("an address")),
            protocol,
            took: Opening {
                resolving,
                connecting,
                handshake: tls.as_ref().map(|_| handshake),
            },
            tls,
            via: self.via.clone(),
        };
        self.add(at, dialed);
        self.add(at, kind);
    }

    pub(crate) fn taken(
        &mut self,
        at: u64,
        call: u64,
        connection: u64,
        nth: u64,
        idle: Option<u64>,
    ) {
        let kind = EventKind::CheckedOut {
            call: CallId(call),
            connection: ConnectionId(connection),
            reused: nth > 1,
            requests: nth,
            idle: idle.map(Duration::from_micros),
        };
        self.add(at, kind);
    }

    pub(crate) fn sent(&mut self, at: u64, call: u64, connection: u64) {
        let (call, connection) = (CallId(call), ConnectionId(connection));
        let bytes = 100;
        self.add(
            at,
            EventKind::RequestSent {
                call,
                connection,
                bytes,
            },
        );
    }

    pub(crate) fn head(&mut self, at: u64, call: u64, connection: u64) {
        let (call, connection) = (CallId(call), ConnectionId(connection));
        let status = 200;
        self.add(
            at,
            EventKind::ResponseHead {
                call,
                connection,
                status,
            },
        );
    }

    pub(crate) fn ended(&mut self, at: u64, call: u64, connection: u64) {
        let kind = EventKind::ExchangeEnded {
            call: CallId(call),
            connection: ConnectionId(connection),
            reuse: Reuse::Keep,
            received: 300,
        };
        self.add(at, kind);
        self.over(at, call);
    }

    /// The connection ended before an answer, and the call goes on with another one.
    pub(crate) fn lost(&mut self, at: u64, call: u64, connection: u64) {
        let reason = CloseReason::PeerClosedIdle {
            how: PeerEnd::Fin,
            idle: Duration::ZERO,
        };
        let kind = EventKind::ExchangeEnded {
            call: CallId(call),
            connection: ConnectionId(connection),
            reuse: Reuse::close(reason),
            received: 0,
        };
        self.add(at, kind);
        self.closed(at, connection, reason);
        let retry = Retry::Again(Again::IdleCloseRace);
        let call = CallId(call);
        self.add(at, EventKind::RetryDecided { call, retry });
    }

    pub(crate) fn over(&mut self, at: u64, call: u64) {
        let call = CallId(call);
        self.add(at, EventKind::CallEnded { call, failed: None });
    }

    pub(crate) fn closed(&mut self, at: u64, connection: u64, reason: CloseReason) {
        let kind = EventKind::Closed {
            connection: ConnectionId(connection),
            closed: Closed::from(reason),
            requests: 1,
            age: Duration::from_micros(at),
        };
        self.add(at, kind);
    }
}

/// Two requests on one connection with TLS, a third that loses it and goes on with another, one without an end.
pub(crate) fn encrypted() -> Log {
    let mut story = Story::new("tls", "https://api.example");
    story.call(1_000, 1, "/a?key=secret&flag");
    story.dial(1_100, 1);
    // 200 for the name, 1 000 for the address, 3 000 for TLS, and 50 that have no step.
    story.opened(5_350, 1, Protocol::H1, [200, 1_000, 3_000]);
    story.taken(5_400, 1, 1, 1, None);
    story.sent(5_500, 1, 1);
    story.head(25_500, 1, 1);
    story.ended(26_000, 1, 1);
    story.call(126_000, 2, "/b");
    story.taken(126_003, 2, 1, 2, Some(100_003));
    story.sent(126_100, 2, 1);
    story.head(146_100, 2, 1);
    story.ended(146_100, 2, 1);
    story.call(246_100, 3, "/c");
    story.taken(246_103, 3, 1, 3, Some(100_003));
    story.sent(246_200, 3, 1);
    story.lost(246_300, 3, 1);
    story.dial(246_310, 2);
    story.opened(250_310, 2, Protocol::H1, [0, 1_000, 3_000]);
    story.taken(250_320, 3, 2, 1, None);
    story.sent(250_400, 3, 2);
    story.head(270_400, 3, 2);
    story.ended(271_000, 3, 2);
    story.call(300_000, 4, "/d");
    story.taken(300_002, 4, 2, 2, Some(29_002));
    story.sent(300_100, 4, 2);
    story.end()
}

/// Three requests that overlap on one connection of HTTP/2, and idle time around them.
pub(crate) fn shared() -> Log {
    let mut story = Story::new("h2", "https://api.example");
    story.call(0, 1, "/1");
    story.dial(10, 1);
    story.opened(1_010, 1, Protocol::H2, [0, 300, 600]);
    for (call, begins) in [(1, 1_020), (2, 2_000), (3, 7_000)] {
        if call > 1 {
            story.call(begins - 5, call, "/more");
        }
        story.taken(begins, call, 1, call, None);
        story.sent(begins + 100, call, 1);
    }
    for (call, ends) in [(2, 6_000), (1, 9_000), (3, 12_000)] {
        story.head(ends - 500, call, 1);
        story.ended(ends, call, 1);
    }
    story.closed(20_000, 1, CloseReason::ShutDown);
    let mut log = story.end();
    log.records.sort_by_key(|it| it.at_us);
    log
}
