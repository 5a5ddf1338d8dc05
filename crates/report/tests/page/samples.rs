//! Reports made by hand.
//!
//! Owns the filling in of what follows from the rest: numbers, orders, sums. Refuses to judge: blame is given.

use keepwarm_report::{
    Blame, Cause, Connection, End, Ends, Exchange, How, IdleTimeout, Life, Necessity, Origin,
    Outcome, Report, Source, Tls,
};

pub(crate) const MS: u64 = 1_000;
pub(crate) const S: u64 = 1_000_000;

/// 2026-11-22 09:30:00 UTC.
const BEGAN_US: u64 = 1_795_339_800_000_000;

#[derive(Default)]
pub(crate) struct Sample {
    pub(crate) report: Report,
}

impl Sample {
    pub(crate) fn new() -> Self {
        let mut sample = Self::default();
        sample.report.began_us = BEGAN_US;
        sample.report.sources.push(Source {
            name: "demo".to_owned(),
            clients: 1,
        });
        sample
    }

    pub(crate) fn origin(&mut self, name: &str) -> usize {
        self.report.origins.push(Origin {
            name: name.to_owned(),
            ..Origin::default()
        });
        self.report.origins.len() - 1
    }

    /// A connection whose opening begins at a moment; 1 ms for the name, 4 ms for the address, 9 ms for TLS.
    pub(crate) fn open(&mut self, origin: usize, dialed_us: u64, miss: &str) -> usize {
        let https = self.report.origins[origin].name.starts_with("https");
        let number = self.report.connections.len() as u64 + 1;
        let tls = https.then(|| Tls {
            version: "1.3".to_owned(),
            cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
            alpn: Some("http/1.1".to_owned()),
            resumed: false,
            server_name: "api.example.com".to_owned(),
        });
        self.report.connections.push(Connection {
            number,
            source: 0,
            client: 1,
            origin,
            is_older: false,
            dialed_us,
            opened_us: dialed_us + if https { 14 * MS } else { 5 * MS },
            dns_us: MS,
            connect_us: 4 * MS,
            tls_us: https.then_some(9 * MS),
            local: Some(format!("127.0.0.1:{}", 40_000 + number)),
            remote: Some("127.0.0.1:8080".to_owned()),
            protocol: "h1".to_owned(),
            tls,
            via: None,
            miss: Some(miss.to_owned()),
            miss_text: Some(miss_text(miss).to_owned()),
            exchanges: Vec::new(),
            end: None,
            necessity: Necessity::Needed,
            blame: None,
        });
        self.report.connections.len() - 1
    }

    pub(crate) fn connection(&mut self, connection: usize) -> &mut Connection {
        &mut self.report.connections[connection]
    }

    pub(crate) fn blame(&mut self, connection: usize, cause: Cause, earlier: Option<usize>) {
        let it = self.connection(connection);
        it.necessity = Necessity::Avoidable;
        it.blame = Some(Blame { cause, earlier });
    }

    /// An exchange that gets its connection at once, or when it is open, and takes so long.
    pub(crate) fn get(
        &mut self,
        connection: usize,
        asked_us: u64,
        takes_us: u64,
        target: &str,
    ) -> usize {
        let (origin, opened_us) = {
            let it = self.connection(connection);
            (it.origin, it.opened_us)
        };
        let taken = asked_us.max(opened_us);
        self.report.exchanges.push(Exchange {
            call: self.report.exchanges.len() as u64 + 1,
            source: 0,
            client: 1,
            origin,
            connection: Some(connection),
            nth: 0,
            method: "GET".to_owned(),
            target: target.to_owned(),
            asked_us,
            taken_us: Some(taken),
            sent_us: Some(taken + takes_us / 12),
            head_us: Some(taken + takes_us * 3 / 4),
            ended_us: Some(taken + takes_us),
            idle_us: None,
            status: Some(200),
            outcome: Outcome::Answered,
            verdict: None,
            verdict_text: None,
            retry: None,
            again: false,
            sent_bytes: 180,
            received_bytes: 1_240,
        });
        self.report.exchanges.len() - 1
    }

    pub(crate) fn exchange(&mut self, exchange: usize) -> &mut Exchange {
        &mut self.report.exchanges[exchange]
    }

    /// Makes an exchange fail before its answer.
    pub(crate) fn fail(&mut self, exchange: usize) {
        let it = self.exchange(exchange);
        it.head_us = None;
        it.status = None;
        it.outcome = Outcome::Failed;
        it.received_bytes = 0;
    }

    pub(crate) fn end(
        &mut self,
        connection: usize,
        at_us: u64,
        reason: &str,
        by: &str,
        how: How,
        during: Life,
    ) {
        let requests = self
            .report
            .exchanges
            .iter()
            .filter(|it| it.connection == Some(connection))
            .count();
        self.connection(connection).end = Some(End {
            at_us,
            reason: reason.to_owned(),
            text: end_text(reason).to_owned(),
            by: by.to_owned(),
            how,
            during,
            requests: requests as u64,
        });
    }

    /// The server closes the idle connection.
    pub(crate) fn peer_closes(&mut self, connection: usize, at_us: u64) {
        self.end(
            connection,
            at_us,
            "peer-closed-idle",
            "peer",
            How::Fin,
            Life::Idle,
        );
    }

    /// Fills in what follows: the order of exchanges, their numbers, the sums of origins.
    pub(crate) fn finish(mut self, length_us: u64) -> Report {
        let report = &mut self.report;
        report.length_us = length_us;
        report.exchanges.sort_by_key(|it| it.asked_us);
        for (index, exchange) in report.exchanges.iter_mut().enumerate() {
            let Some(connection) = exchange.connection else {
                continue;
            };
            let connection = &mut report.connections[connection];
            connection.exchanges.push(index);
            exchange.nth = connection.exchanges.len() as u64;
        }
        for connection in &report.connections {
            for pair in connection.exchanges.windows(2) {
                let before = report.exchanges[pair[0]].ended_us;
                let after = &mut report.exchanges[pair[1]];
                after.idle_us = after
                    .taken_us
                    .zip(before)
                    .and_then(|(taken, ended)| taken.checked_sub(ended));
            }
        }
        for index in 0..report.origins.len() {
            sum(report, index);
        }
        self.report
    }
}

fn sum(report: &mut Report, index: usize) {
    let connections: Vec<&Connection> = report
        .connections
        .iter()
        .filter(|it| it.origin == index)
        .collect();
    let exchanges: Vec<&Exchange> = report
        .exchanges
        .iter()
        .filter(|it| it.origin == index)
        .collect();
    let of = |necessity| {
        connections
            .iter()
            .filter(|it| it.necessity == necessity)
            .count() as u64
    };
    let mut origin = std::mem::take(&mut report.origins[index]);
    origin.opened = connections.len() as u64;
    origin.avoidable = of(Necessity::Avoidable);
    origin.forced = of(Necessity::Forced);
    origin.necessary = origin.opened - origin.avoidable;
    origin.exchanges = exchanges
        .iter()
        .filter(|it| it.connection.is_some())
        .count() as u64;
    origin.reused = exchanges.iter().filter(|it| it.is_reuse()).count() as u64;
    origin.failed = exchanges
        .iter()
        .filter(|it| it.outcome == Outcome::Failed)
        .count() as u64;
    origin.retries = exchanges.iter().filter(|it| it.again).count() as u64;
    origin.reuse_ratio =
        (origin.exchanges > 0).then(|| origin.reused as f64 / origin.exchanges as f64);
    origin.wasted_us = connections
        .iter()
        .filter(|it| it.necessity == Necessity::Avoidable)
        .map(|it| it.handshake_us())
        .sum();
    for end in connections.iter().filter_map(|it| it.end.as_ref()) {
        match origin
            .ends
            .iter_mut()
            .find(|ends| ends.reason == end.reason)
        {
            Some(ends) => ends.count += 1,
            None => origin.ends.push(Ends {
                reason: end.reason.clone(),
                by: end.by.clone(),
                count: 1,
            }),
        }
    }
    report.origins[index] = origin;
}

pub(crate) fn idle_timeout(us: u64, samples: u64) -> Option<IdleTimeout> {
    Some(IdleTimeout { us, samples })
}

fn miss_text(miss: &str) -> &'static str {
    match miss {
        "first-for-origin" => "the first connection to this origin",
        "all-busy" => "all connections were busy",
        "only-closing" => "the only other connections were closing",
        _ => "no idle connection was left",
    }
}

fn end_text(reason: &str) -> &'static str {
    match reason {
        "peer-closed-idle" => "the server closed the idle connection",
        "body-not-read" => "the response body was dropped with 48 kB left to read",
        "go-away" => "the server announced the end of the connection",
        "timed-out" => "the response header did not come within 10 s",
        "idle-too-long" => "it was idle for longer than idle_timeout allows",
        "cancelled" => "the call was dropped before its answer was complete",
        "peer-said-close" => "the server said “Connection: close”",
        _ => "the socket failed",
    }
}
