//! The reports that the tests look at.

use keepwarm_report::{
    Cause, Cure, Exchange, Finding, How, Life, Necessity, Outcome, Report, Severity,
};

use crate::samples::{MS, S, Sample, idle_timeout};

/// Two origins with everything that a lane can show.
pub(crate) fn tour() -> Report {
    let mut sample = Sample::new();
    let plain = sample.origin("http://127.0.0.1:8080");
    let api = sample.origin("https://api.example.com");
    plain_origin(&mut sample, plain);
    api_origin(&mut sample, api);
    sample.report.origins[plain].idle_timeout = idle_timeout(3 * S, 7);
    sample.report.findings = vec![
        idle_finding(plain),
        race_finding(plain),
        go_away_finding(api),
    ];
    sample.finish(42 * S)
}

/// A server that closes after 3 s of idleness; a race lost and won again; a crowd; one of each other end.
fn plain_origin(sample: &mut Sample, origin: usize) {
    let mut earlier = None;
    for (round, begins) in [0, 5, 10, 15, 20, 25].into_iter().enumerate() {
        let connection = sample.open(
            origin,
            begins * S,
            if round == 0 {
                "first-for-origin"
            } else {
                "all-expired"
            },
        );
        if earlier.is_some() {
            sample.blame(connection, Cause::ServerIdleTimeout, earlier);
        }
        let last = begins * S + 900 * MS;
        for step in 0..4 {
            sample.get(
                connection,
                begins * S + step * 280 * MS,
                60 * MS + step * 25 * MS,
                "/items?page&size",
            );
        }
        sample.peer_closes(connection, last + 3_060 * MS);
        earlier = Some(connection);
    }
    let raced = sample.open(origin, 30 * S, "all-expired");
    sample.blame(raced, Cause::ServerIdleTimeout, earlier);
    sample.get(raced, 30 * S, 140 * MS, "/items?page&size");
    let failed = sample.get(raced, 33_110 * MS, 70 * MS, "/orders/17");
    sample.fail(failed);
    sample.exchange(failed).again = true;
    sample.exchange(failed).retry = Some("idle-close-race".to_owned());
    let call = sample.exchange(failed).call;
    sample.end(
        raced,
        33_180 * MS,
        "peer-closed-idle",
        "peer",
        How::Reset,
        Life::Exchange,
    );
    let fresh = sample.open(origin, 33_190 * MS, "all-expired");
    sample.blame(fresh, Cause::StaleReuseRace, Some(raced));
    let repeat = sample.get(fresh, 33_185 * MS, 160 * MS, "/orders/17");
    sample.exchange(repeat).call = call;
    crowd_of_four(sample, origin, fresh);
}

fn crowd_of_four(sample: &mut Sample, origin: usize, first: usize) {
    sample.get(first, 35 * S, 2_400 * MS, "/report");
    let second = sample.open(origin, 35_100 * MS, "all-busy");
    sample.get(second, 35_100 * MS, 1_900 * MS, "/report");
    let third = sample.open(origin, 35_200 * MS, "all-busy");
    let slow = sample.get(third, 35_200 * MS, 3_800 * MS, "/slow");
    sample.fail(slow);
    sample.exchange(slow).verdict = Some("timed-out".to_owned());
    sample.exchange(slow).verdict_text = Some("a time limit ended the exchange".to_owned());
    sample.end(
        third,
        39_005 * MS,
        "timed-out",
        "limit",
        How::Closed,
        Life::Exchange,
    );
    // This one waits for the second's end.
    let queued = sample.get(second, 35_300 * MS, 700 * MS, "/queued");
    let it = sample.exchange(queued);
    it.taken_us = Some(37_010 * MS);
    it.sent_us = Some(37_060 * MS);
    it.head_us = Some(37_560 * MS);
    it.ended_us = Some(37_710 * MS);
    let fourth = sample.open(origin, 35_400 * MS, "all-busy");
    let dropped = sample.get(fourth, 35_400 * MS, 900 * MS, "/download");
    sample.exchange(dropped).verdict = Some("body-not-read".to_owned());
    sample.exchange(dropped).verdict_text = Some("the body was not read to its end".to_owned());
    sample.end(
        fourth,
        36_310 * MS,
        "body-not-read",
        "caller",
        How::Closed,
        Life::Exchange,
    );
    sample.end(
        first,
        40_400 * MS,
        "idle-too-long",
        "us",
        How::Closed,
        Life::Idle,
    );
}

/// HTTP/2: streams side by side, a GOAWAY, and two calls that get no connection.
fn api_origin(sample: &mut Sample, origin: usize) {
    let first = sample.open(origin, 2 * S, "first-for-origin");
    shared(sample, first);
    for step in 0..46_u64 {
        let asked = 2 * S + step * 330 * MS;
        sample.get(
            first,
            asked,
            500 * MS + (step * 7 % 11) * 130 * MS,
            &format!("/v1/prices/{}", step * 37 % 100),
        );
    }
    sample.end(
        first,
        19 * S,
        "go-away",
        "peer",
        How::GoAway,
        Life::Exchange,
    );
    let second = sample.open(origin, 19_050 * MS, "only-closing");
    shared(sample, second);
    sample.connection(second).necessity = Necessity::Forced;
    for step in 0..40_u64 {
        let asked = 19_050 * MS + step * 480 * MS;
        let it = sample.get(
            second,
            asked,
            420 * MS + (step * 5 % 7) * 210 * MS,
            &format!("/v1/prices/{}", step * 41 % 100),
        );
        if step == 21 {
            sample.exchange(it).status = Some(503);
        }
    }
    for (step, asked) in [12 * S, 14 * S].into_iter().enumerate() {
        let call = sample.report.exchanges.len() as u64 + 1;
        sample.report.exchanges.push(unserved(
            origin,
            call,
            asked,
            900 * MS + step as u64 * 500 * MS,
        ));
    }
}

fn shared(sample: &mut Sample, connection: usize) {
    let it = sample.connection(connection);
    it.protocol = "h2".to_owned();
    it.remote = Some("203.0.113.7:443".to_owned());
    if let Some(tls) = &mut it.tls {
        tls.alpn = Some("h2".to_owned());
    }
}

fn unserved(origin: usize, call: u64, asked_us: u64, waited_us: u64) -> Exchange {
    Exchange {
        call,
        source: 0,
        client: 1,
        origin,
        connection: None,
        nth: 0,
        method: "POST".to_owned(),
        target: "/v1/orders".to_owned(),
        asked_us,
        taken_us: None,
        sent_us: None,
        head_us: None,
        ended_us: Some(asked_us + waited_us),
        idle_us: None,
        status: None,
        outcome: Outcome::Failed,
        verdict: None,
        verdict_text: None,
        retry: Some("policy".to_owned()),
        again: false,
        sent_bytes: 0,
        received_bytes: 0,
    }
}

fn idle_finding(origin: usize) -> Finding {
    Finding {
        cause: Cause::ServerIdleTimeout,
        origin: Some(origin),
        severity: Severity::High,
        summary: "The server closes idle connections after 3 s; the gaps between requests are 4.1 s.".to_owned(),
        evidence: vec![
            "#1 was closed by the server after 3.0 s idle, 1.0 s before the request that opened #2.".to_owned(),
            "7 closes agree on 3.0 s, ± 4 ms.".to_owned(),
        ],
        connections: vec![0, 1, 2, 3, 4, 5, 6],
        openings: 6,
        wasted_us: 30 * MS,
        cures: vec![
            cure("keepwarm", "Keep connections for less than the server does.", CLIENT, "rust"),
            cure("Go", "Set it on the transport.", "t.IdleConnTimeout = 2500 * time.Millisecond", "go"),
            cure("nginx", "Or let the server keep them longer.", "keepalive_timeout 75s;", "nginx"),
        ],
        check: CHECK.to_owned(),
    }
}

const CHECK: &str = "In a capture, the last column of `tshark` is the silence before the close.\n\n\
    ```sh\ntshark -r CAPTURE.pcap -Y 'tcp.flags.fin == 1 && tcp.srcport == 8080' -T fields -e tcp.time_delta\n```\n";

const CLIENT: &str =
    "Client::builder()\n    .idle_timeout(Duration::from_millis(2_500))\n    .build()?";

fn race_finding(origin: usize) -> Finding {
    Finding {
        cause: Cause::StaleReuseRace,
        severity: Severity::Medium,
        summary: "1 request met a connection that the server was just closing; it was sent again."
            .to_owned(),
        evidence: vec![
            "/orders/17 was sent on #7 at 33.1 s, 2.97 s after its last answer.".to_owned(),
        ],
        connections: vec![6, 7],
        openings: 1,
        wasted_us: 5 * MS,
        ..idle_finding(origin)
    }
}

fn go_away_finding(origin: usize) -> Finding {
    Finding {
        cause: Cause::ServerGoAway,
        severity: Severity::Info,
        summary: "The server ended #12 by GOAWAY after 46 requests.".to_owned(),
        evidence: Vec::new(),
        connections: vec![12, 13],
        openings: 1,
        wasted_us: 0,
        ..idle_finding(origin)
    }
}

fn cure(product: &str, text: &str, snippet: &str, language: &str) -> Cure {
    Cure {
        product: product.to_owned(),
        text: text.to_owned(),
        snippet: snippet.to_owned(),
        language: language.to_owned(),
    }
}

/// A server that ends each connection after one answer.
pub(crate) fn crowd() -> Report {
    let mut sample = Sample::new();
    let origin = sample.origin("https://legacy.example.com:8443");
    let first = sample.open(origin, 0, "first-for-origin");
    for step in 0..6 {
        sample.get(first, step * 40 * MS, 20 * MS, "/login");
    }
    sample.peer_closes(first, 400 * MS);
    let mut earlier = first;
    for step in 0..312_u64 {
        let begins = 500 * MS + step * 80 * MS + (step % 3) * 7 * MS;
        let connection = sample.open(origin, begins, "all-expired");
        sample.blame(connection, Cause::ServerSaysClose, Some(earlier));
        sample.get(connection, begins, 18 * MS + (step % 7) * 3 * MS, "/poll");
        sample.end(
            connection,
            begins + 55 * MS,
            "peer-said-close",
            "peer",
            How::Fin,
            Life::Exchange,
        );
        earlier = connection;
    }
    sample.report.findings = vec![Finding {
        cause: Cause::ServerSaysClose,
        summary: "312 of 313 connections were ended by “Connection: close”.".to_owned(),
        connections: (0..313).collect(),
        openings: 312,
        wasted_us: 312 * 14 * MS,
        ..idle_finding(origin)
    }];
    sample.finish(26 * S)
}

/// 2 000 connections with 50 exchanges each, of 10 origins, in 10 minutes.
pub(crate) fn busy() -> Report {
    let mut sample = Sample::new();
    let mut random = 7_u64;
    let mut next = |limit: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % limit
    };
    let origins: Vec<usize> = (0..10)
        .map(|n| sample.origin(&format!("https://shard-{n}.example.com")))
        .collect();
    for number in 0..2_000_u64 {
        let origin = origins[usize::try_from(next(10)).expect("it is small")];
        let begins = number * 200 * MS + next(150 * MS);
        let connection = sample.open(
            origin,
            begins,
            if number < 10 {
                "first-for-origin"
            } else {
                "all-expired"
            },
        );
        if next(3) == 0 && connection > 20 {
            sample.blame(connection, Cause::ServerIdleTimeout, Some(connection - 12));
        }
        let mut time = begins;
        for _ in 0..50 {
            let takes = 2 * MS + next(400 * MS);
            let it = sample.get(
                connection,
                time,
                takes,
                &format!("/v{}/items/{}", next(3), next(400)),
            );
            if next(400) == 0 {
                sample.fail(it);
            }
            time = sample.report.exchanges[it].ended_us.expect("it is over") + next(3 * S);
        }
        sample.connection(connection).end = None;
        sample.peer_closes_unless(connection, time + 3 * S, next(9) == 0);
    }
    sample.report.findings = vec![idle_finding(0)];
    sample.finish(600 * S)
}

impl Sample {
    fn peer_closes_unless(&mut self, connection: usize, at_us: u64, stays: bool) {
        if !stays {
            self.connection(connection).end = Some(keepwarm_report::End {
                at_us,
                reason: "peer-closed-idle".to_owned(),
                text: "the server closed the idle connection".to_owned(),
                by: "peer".to_owned(),
                how: How::Fin,
                during: Life::Idle,
                requests: 50,
            });
        }
    }
}
