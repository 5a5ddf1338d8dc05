//! Time limits: each ends its phase, names itself, and leaves the pool consistent.

use std::time::{Duration, Instant};

use crate::common::dialers::{Endless, Gated};
use crate::common::{
    LONG, SHORT, assert_quiet, assert_timeout, bounded, build, ok, settle, text, totals,
};
use bytes::Bytes;
use keepwarm::reason::{CloseReason, Limit, Phase, Retry, Stop};
use keepwarm::{Client, ErrorKind};
use keepwarm_lab::{Behaviour, Conduct, Lab, Pause, Script, scenario};

/// More than the buffers of both systems hold.
fn huge() -> Bytes {
    vec![b'u'; 32 << 20].into()
}

/// A lab whose first connection meets this, and all others a good server.
async fn first(conduct: impl Into<Conduct>) -> Lab {
    Lab::start([conduct.into(), scenario::well_behaved().into()]).await
}

async fn next_call_works(client: &Client, lab: &Lab) {
    assert_eq!(text(client, &lab.url("/next")).await, "hello, world\n");
    assert_quiet(client);
}

#[tokio::test]
async fn connecting_to_a_server_that_never_accepts_ends_with_the_connect_timeout() {
    bounded(async {
        let lab = Lab::start(scenario::never_accept()).await;
        let client = build(Client::builder().connect_timeout(SHORT));
        let error = client.get(lab.url("/")).send().await.unwrap_err();
        assert_timeout(&error, Limit::Connect, Phase::Connect);
        assert!(error.is_connect() && error.is_safe_to_retry());
        assert_eq!(assert_quiet(&client).opened, 0);
    })
    .await;
}

#[tokio::test]
async fn a_dialer_that_never_ends_is_ended_by_the_connect_timeout() {
    bounded(async {
        let config = Client::builder().dialer(Endless).connect_timeout(SHORT);
        let client = build(config);
        let error = client.get("http://a.test/").send().await.unwrap_err();
        assert_timeout(&error, Limit::Connect, Phase::Connect);
        assert_eq!(assert_quiet(&client).opened, 0);
    })
    .await;
}

/// Go 76 TransportResponseHeaderTimeout: it fires on slow heads only, is a timeout, closes the connection, and the
/// next call works.
/// Same as Go.
#[tokio::test]
async fn a_server_that_hangs_meets_the_response_header_timeout() {
    bounded(async {
        let lab = first(scenario::hang()).await;
        let client = build(Client::builder().response_header_timeout(SHORT));
        let error = client.get(lab.url("/")).send().await.unwrap_err();
        assert_timeout(&error, Limit::ResponseHeader, Phase::Wait);
        assert!(!error.is_safe_to_retry() && error.bytes_written() > 0);
        assert_eq!(error.retries(), [Retry::Stop(Stop::Policy)]);
        assert_eq!(assert_quiet(&client).closed_as("timed-out"), 1);
        lab.wait_for(|it| it.connection(1).end().is_some()).await;
        assert_eq!(lab.transcript().requests_for("/"), 1);
        next_call_works(&client, &lab).await;
    })
    .await;
}

/// X5: a server that stops reading a large upload meets the response header timeout.
#[tokio::test]
async fn x5_the_response_header_timeout_also_ends_an_upload_that_nobody_reads() {
    bounded(async {
        let lab = first(scenario::stop_reading(0)).await;
        let client = build(Client::builder().response_header_timeout(SHORT));
        let sent = client.post(lab.url("/")).body(huge()).send().await;
        assert_timeout(&sent.unwrap_err(), Limit::ResponseHeader, Phase::Send);
        assert_eq!(assert_quiet(&client).closed_as("timed-out"), 1);
        next_call_works(&client, &lab).await;
    })
    .await;
}

/// X5: a server that stops reading a large upload meets the write stall timeout.
#[tokio::test]
async fn an_upload_that_stalls_meets_the_write_stall_timeout() {
    bounded(async {
        let lab = first(scenario::stop_reading(1000)).await;
        let config = Client::builder()
            .write_stall_timeout(SHORT)
            .response_header_timeout(LONG);
        let client = build(config);
        let sent = client.post(lab.url("/")).body(huge()).send().await;
        let error = sent.unwrap_err();
        assert_timeout(&error, Limit::WriteStall, Phase::Send);
        assert!(error.bytes_written() > 1000);
        assert_eq!(assert_quiet(&client).closed_as("timed-out"), 1);
        next_call_works(&client, &lab).await;
    })
    .await;
}

#[tokio::test]
async fn the_write_stall_timeout_does_not_run_while_waiting_for_the_answer() {
    bounded(async {
        let lab = Lab::start(scenario::slow_head(SHORT * 4)).await;
        let client = build(Client::builder().write_stall_timeout(SHORT));
        assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
    })
    .await;
}

/// X6: a body that stalls meets the time between reads, and the connection closes.
#[tokio::test]
async fn x6_a_body_that_stalls_meets_the_read_idle_timeout() {
    bounded(async {
        let lab = first(scenario::stall_in_body(5)).await;
        let client = build(Client::builder().read_idle_timeout(SHORT));
        let mut response = client.get(lab.url("/")).send().await.expect("a head");
        let chunk = response.chunk().await.expect("what came");
        assert_eq!(chunk.as_deref(), Some(&b"hello"[..]));
        let error = response.chunk().await.unwrap_err();
        assert_timeout(&error, Limit::ReadIdle, Phase::Receive);
        let why = response.reuse().and_then(|reuse| reuse.primary());
        assert_eq!(why, Some(&CloseReason::TimedOut(Limit::ReadIdle)));
        assert_eq!(assert_quiet(&client).closed_as("timed-out"), 1);
        next_call_works(&client, &lab).await;
    })
    .await;
}

#[tokio::test]
async fn the_read_idle_timeout_runs_only_while_the_caller_waits() {
    bounded(async {
        let lab = Lab::start(scenario::slow_body(5, Pause::gate("rest"))).await;
        let limit = Duration::from_millis(400);
        let client = build(Client::builder().read_idle_timeout(limit));
        let mut response = client.get(lab.url("/")).send().await.expect("a head");
        response.chunk().await.expect("what came");
        // Longer than the limit: that is the case in question.
        tokio::time::sleep(limit + SHORT).await;
        lab.open("rest");
        assert_eq!(response.text().await.expect("the rest"), ", world\n");
    })
    .await;
}

/// Go 76 TransportResponseHeaderTimeout: a slow body does not meet it.
/// Same as Go.
#[tokio::test]
async fn the_response_header_timeout_does_not_include_the_body() {
    bounded(async {
        let lab = Lab::start(scenario::slow_body(5, Pause::gate("rest"))).await;
        let limit = Duration::from_millis(400);
        let client = build(Client::builder().response_header_timeout(limit));
        let response = client.get(lab.url("/")).send().await.expect("a head");
        let reading = tokio::spawn(response.text());
        tokio::time::sleep(limit + SHORT).await;
        lab.open("rest");
        let body = reading.await.expect("no panic").expect("a body");
        assert_eq!(body, "hello, world\n");
    })
    .await;
}

/// X7: waiting for a connection under a cap has a limit of its own.
#[tokio::test]
async fn a_call_that_finds_no_free_connection_meets_the_queue_timeout() {
    bounded(async {
        let lab = Lab::start(scenario::slow_head(Pause::gate("answer"))).await;
        let config = Client::builder()
            .max_conns_per_host(1)
            .queue_timeout(Duration::from_millis(200));
        let client = build(config);
        let (held, url) = (client.clone(), lab.url("/held"));
        let held = tokio::spawn(async move { text(&held, &url).await });
        lab.wait_for(|it| it.requests_for("/held") == 1).await;
        let error = client.get(lab.url("/late")).send().await.unwrap_err();
        assert_timeout(&error, Limit::Queue, Phase::Queue);
        assert_eq!(error.kind(), ErrorKind::Queue);
        assert!(error.is_safe_to_retry());
        let now = totals(&client);
        assert_eq!((now.waiting, now.dialing, now.active), (0, 0, 1));
        lab.open("answer");
        assert_eq!(held.await.expect("no panic"), "hello, world\n");
        next_call_works(&client, &lab).await;
        assert_eq!(lab.connections().accepted, 1);
        assert_eq!(lab.transcript().requests_for("/late"), 0);
    })
    .await;
}

/// Go 117 TransportExpect100Continue500ResponseTimeout: without an interim answer the body goes out after the
/// timeout.
/// Same as Go.
#[tokio::test]
async fn the_body_goes_out_when_nobody_says_continue_in_time() {
    bounded(async {
        let lab = Lab::start(scenario::ignored_expectation()).await;
        let client = build(Client::builder().expect_timeout(SHORT));
        let began = Instant::now();
        let call = client.post(lab.url("/echo")).body("sent anyway");
        let response = call.expect_continue().send().await.expect("an answer");
        assert!(began.elapsed() >= SHORT);
        assert_eq!(response.text().await.expect("a body"), "sent anyway");
        let counts = assert_quiet(&client);
        assert_eq!((counts.idle, counts.opened), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn after_the_expect_timeout_the_response_header_timeout_still_runs() {
    bounded(async {
        let script = Script::new().read_head().hang();
        let lab = first(script).await;
        let config = Client::builder()
            .expect_timeout(SHORT)
            .response_header_timeout(SHORT);
        let client = build(config);
        let call = client.post(lab.url("/")).body("body").expect_continue();
        let error = call.send().await.unwrap_err();
        assert_timeout(&error, Limit::ResponseHeader, Phase::Wait);
        next_call_works(&client, &lab).await;
    })
    .await;
}

/// Go 77 ClientTimeoutKillsConn_BeforeHeaders: a deadline before the head closes the connection.
/// Same as Go.
/// Go 80 ClientTimeout_Headers: it is a timeout.
/// Same as Go.
#[tokio::test]
async fn the_total_timeout_ends_a_call_before_its_head() {
    bounded(async {
        let lab = first(scenario::hang()).await;
        let client = build(Client::builder().total_timeout(LONG));
        let call = client.get(lab.url("/")).timeout(SHORT);
        let error = call.send().await.unwrap_err();
        assert_timeout(&error, Limit::Total, Phase::Wait);
        assert_eq!(assert_quiet(&client).closed_as("timed-out"), 1);
        next_call_works(&client, &lab).await;
    })
    .await;
}

/// Go 78 ClientTimeoutKillsConn_AfterHeaders: a deadline in the body closes the connection.
/// Same as Go.
/// Go 79 ClientTimeout: the total deadline covers the body; reading it is a timeout then.
/// Same as Go.
#[tokio::test]
async fn the_total_timeout_ends_a_call_in_its_body() {
    bounded(async {
        let lab = first(scenario::stall_in_body(5)).await;
        let client = build(Client::builder().total_timeout(SHORT * 10));
        let mut response = client.get(lab.url("/")).send().await.expect("a head");
        response.chunk().await.expect("what came");
        let error = response.chunk().await.unwrap_err();
        assert_timeout(&error, Limit::Total, Phase::Receive);
        assert_eq!(assert_quiet(&client).closed_as("timed-out"), 1);
        next_call_works(&client, &lab).await;
    })
    .await;
}

#[tokio::test]
async fn the_total_timeout_ends_a_body_that_never_stops_coming() {
    bounded(async {
        let head = "HTTP/1.1 200 OK\r\n\r\n";
        let every = Duration::from_millis(2);
        let script = Script::new().answer(head);
        let script = script.drip(vec![b'a'; 50_000], 10, every);
        let lab = Lab::start(script).await;
        let client = build(Client::builder().total_timeout(SHORT * 5));
        let response = client.get(lab.url("/")).send().await.expect("a head");
        let error = response.bytes().await.unwrap_err();
        assert_timeout(&error, Limit::Total, Phase::Receive);
        assert_quiet(&client);
    })
    .await;
}

/// Go 84 Issue4191_InfiniteGetTimeout: a deadline ends an endless body.
/// Differs: the deadline is a setting of the call and not of a socket that the caller dials.
#[tokio::test]
async fn the_total_timeout_ends_a_body_that_is_always_there() {
    bounded(async {
        // Far more than can be read in that time, and never a pause in it.
        let lab = Lab::spawn_thread(Behaviour::default());
        let client = build(Client::builder().total_timeout(SHORT * 5));
        let url = lab.url("/bytes/1000000000000");
        let mut response = client.get(url).send().await.expect("a head");
        let error = loop {
            match response.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the body ended"),
                Err(error) => break error,
            }
        };
        assert_timeout(&error, Limit::Total, Phase::Receive);
        assert_quiet(&client);
    })
    .await;
}

#[tokio::test]
async fn the_total_timeout_ends_a_call_in_the_queue_and_in_its_dial() {
    bounded(async {
        let client = build(Client::builder().dialer(Endless));
        let call = client.get("http://a.test/").timeout(SHORT);
        let error = call.send().await.unwrap_err();
        assert_timeout(&error, Limit::Total, Phase::Queue);
        let now = totals(&client);
        assert_eq!((now.waiting, now.active), (0, 0), "{now:?}");
    })
    .await;
}

#[tokio::test]
async fn a_dial_nobody_waits_for_ends_with_its_own_timeout() {
    bounded(async {
        let config = Client::builder().dialer(Endless).connect_timeout(SHORT * 4);
        let client = build(config);
        let call = client.get("http://a.test/").timeout(SHORT);
        assert_eq!(call.send().await.unwrap_err().limit(), Some(Limit::Total));
        settle(&client, |now| now.dialing == 0).await;
    })
    .await;
}

/// Go 82 ClientTimeoutDoesNotExpire: a deadline that does not fire causes no error.
/// Same as Go.
#[tokio::test]
async fn limits_that_are_not_met_change_nothing() {
    bounded(async {
        let lab = crate::common::raw(ok("fine")).await;
        let config = Client::builder()
            .connect_timeout(LONG)
            .response_header_timeout(LONG)
            .write_stall_timeout(LONG)
            .read_idle_timeout(LONG)
            .queue_timeout(LONG)
            .total_timeout(Duration::MAX);
        let client = build(config);
        for _ in 0..20 {
            let call = client.post(lab.url("/")).body("body");
            let response = call.send().await.expect("an answer");
            assert_eq!(response.text().await.expect("a body"), "fine");
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// A dial whose call gave up holds no place under `max_conns`; when it lands all the same, there is none for it.
#[tokio::test]
async fn dials_that_land_for_nobody_do_not_exceed_max_conns() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let dialer = Gated::new();
        let config = Client::builder().max_conns(1).queue_timeout(SHORT);
        let client = build(config.dialer(dialer.clone()));
        for asked in 1..=3 {
            let error = client.get(lab.url("/")).send().await.unwrap_err();
            assert_timeout(&error, Limit::Queue, Phase::Queue);
            assert_eq!(dialer.asked(), asked);
        }
        dialer.permit(3);
        let counts = settle(&client, |now| now.opened == 3 && now.dialing == 0).await;
        assert_eq!(
            (counts.idle, counts.closed_as("pool-full")),
            (1, 2),
            "{counts:?}"
        );
    })
    .await;
}
