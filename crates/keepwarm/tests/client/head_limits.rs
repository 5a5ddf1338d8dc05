//! What a peer may send at most: each limit is named by the error, and can be met exactly.

use crate::common::{answering, assert_quiet, bounded, build, raw, text};
use keepwarm::reason::{CloseReason, Limit, ProtocolFault};
use keepwarm::{Client, Config, Error, ErrorKind};
use keepwarm_lab::{Behaviour, Chunks, Content, Framing, Interim, Lab, Script, scenario};

fn assert_limit(error: &Error, limit: Limit) {
    assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    assert_eq!(error.limit(), Some(limit), "{error:?}");
    let why = CloseReason::PeerBrokeProtocol(ProtocolFault::TooMuch(limit));
    assert_eq!(error.reason(), Some(&why));
    assert!(!error.is_timeout());
}

/// Calls a server that exceeds this limit; the pool is consistent afterwards.
async fn exceeds(conduct: impl Into<keepwarm_lab::Conduct>, config: Config, limit: Limit) {
    let lab = Lab::start([conduct.into(), scenario::well_behaved().into()]).await;
    let client = build(config);
    let outcome = async { client.get(lab.url("/")).send().await?.bytes().await };
    assert_limit(&outcome.await.unwrap_err(), limit);
    assert_eq!(assert_quiet(&client).closed_as("peer-broke-protocol"), 1);
    lab.wait_for(|it| it.connection(1).end().is_some()).await;
    assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
}

fn padded(head_bytes: usize) -> String {
    let start = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ";
    let padding = "x".repeat(head_bytes - start.len() - 4);
    format!("{start}{padding}\r\n\r\nok")
}

fn chunked(body: &str) -> Script {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    answering(format!("{head}{body}"))
}

/// Go 153 TransportResponseHeaderLength: a head over the limit is an error that names it.
/// Same as Go.
#[tokio::test]
async fn a_head_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    bounded(async {
        let small = || Client::builder().max_head_bytes(1000);
        let lab = raw(padded(1000)).await;
        assert_eq!(text(&build(small()), &lab.url("/")).await, "ok");
        exceeds(answering(padded(1001)), small(), Limit::HeadBytes).await;
        let lab = raw(padded(65_536)).await;
        assert_eq!(text(&Client::new(), &lab.url("/")).await, "ok");
        exceeds(
            answering(padded(65_537)),
            Client::builder(),
            Limit::HeadBytes,
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up_at_the_limit() {
    bounded(async {
        let endless = Script::new()
            .read_head()
            .send("HTTP/1.1 200 OK\r\nX: ")
            .forever(Script::new().send(vec![b'x'; 1000]));
        exceeds(endless, Client::builder(), Limit::HeadBytes).await;
    })
    .await;
}

/// X23: the number of header fields has a limit of its own.
#[tokio::test]
async fn more_header_fields_than_allowed_are_refused() {
    bounded(async {
        let many = |lines| scenario::huge_head(lines, 5);
        exceeds(many(300), Client::builder(), Limit::HeaderCount).await;
        // The lab adds its Content-Length.
        let config = || Client::builder().max_header_fields(11);
        exceeds(many(11), config(), Limit::HeaderCount).await;
        let lab = Lab::start(many(10)).await;
        assert_eq!(
            text(&build(config()), &lab.url("/")).await,
            "hello, world\n"
        );
    })
    .await;
}

#[tokio::test]
async fn larger_limits_let_larger_heads_in() {
    bounded(async {
        let lab = Lab::start(scenario::huge_head(1000, 2000)).await;
        let config = Client::builder()
            .max_head_bytes(10 << 20)
            .max_header_fields(2000);
        let client = build(config);
        for _ in 0..3 {
            let response = client.get(lab.url("/")).send().await.expect("a head");
            assert_eq!(response.headers().len(), 1001);
            assert_eq!(response.headers()["x-huge-999"].len(), 2000);
            assert_eq!(response.text().await.expect("a body"), "hello, world\n");
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// Go 121 TransportLimits1xxResponses: an endless row of interim answers is ended.
/// Differs: their number is limited, to 64.
#[tokio::test]
async fn a_storm_of_interim_answers_is_refused() {
    bounded(async {
        let limit = Limit::Interim;
        exceeds(scenario::interim_storm(65), Client::builder(), limit).await;
        let lab = Lab::start(scenario::interim_storm(64)).await;
        assert_eq!(text(&Client::new(), &lab.url("/")).await, "hello, world\n");
    })
    .await;
}

/// Go 121 TransportLimits1xxResponses: each is held to the limits of a head.
/// Same as Go.
#[tokio::test]
async fn an_interim_answer_is_held_to_the_same_limits() {
    bounded(async {
        let (status, times) = (103, 1);
        let interim = |headers| Behaviour {
            interim: vec![Interim {
                status,
                headers,
                times,
            }],
            ..Behaviour::default()
        };
        exceeds(interim(300), Client::builder(), Limit::HeaderCount).await;
        let config = Client::builder().max_head_bytes(500);
        exceeds(interim(100), config, Limit::HeadBytes).await;
    })
    .await;
}

#[tokio::test]
async fn a_chunk_line_without_end_is_refused() {
    bounded(async {
        let line = format!("2;{}\r\nok\r\n0\r\n\r\n", "x".repeat(5000));
        exceeds(chunked(&line), Client::builder(), Limit::ChunkLine).await;
        let endless = format!("2;{}", "x".repeat(5000));
        exceeds(chunked(&endless), Client::builder(), Limit::ChunkLine).await;
    })
    .await;
}

/// Go 146 ChunkReaderTooMuchOverhead: chunks that are mostly extension are refused.
/// Same as Go.
#[tokio::test]
async fn chunks_that_are_mostly_framing_are_refused() {
    bounded(async {
        let behaviour = Behaviour {
            body: Content::Size(1000),
            special_paths: false,
            framing: Framing::Chunked(Chunks {
                sizes: vec![1],
                extension: format!(";x={}", "y".repeat(200)),
                trailers: Vec::new(),
            }),
            ..Behaviour::default()
        };
        exceeds(behaviour, Client::builder(), Limit::ChunkOverhead).await;
    })
    .await;
}

#[tokio::test]
async fn trailers_without_end_are_refused() {
    bounded(async {
        let trailer = format!("X: {}\r\n", "x".repeat(1000));
        let endless = format!("2\r\nok\r\n0\r\n{}", trailer.repeat(20));
        exceeds(chunked(&endless), Client::builder(), Limit::TrailerBytes).await;
        let many = format!("2\r\nok\r\n0\r\n{}\r\n", "X: y\r\n".repeat(300));
        exceeds(chunked(&many), Client::builder(), Limit::HeaderCount).await;
    })
    .await;
}

#[tokio::test]
async fn a_limit_too_small_for_any_head_cannot_be_set() {
    let error = Client::builder().max_head_bytes(10).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("max_head_bytes"));
}
