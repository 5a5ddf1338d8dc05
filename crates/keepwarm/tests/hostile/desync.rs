//! The corpus played through the public client: the call gets its fault or its legal answer, and the next call to
//! the same origin gets its own answer.

use keepwarm::reason::{CloseReason, ProtocolFault, Retry};
use keepwarm::{Client, Error, ErrorKind, Response};
use keepwarm_lab::{Lab, Script};

use crate::common::{answering, assert_quiet, bounded, ok, settle, text};
use crate::corpus::{self, After, Case, Want};

/// How the bytes reach the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Whole,
    Torn,
}

/// What the caller does with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Reads,
    LetsGo,
}

/// A first connection that answers as the case says, and further ones that answer `own`.
fn server(case: &Case, delivery: Delivery) -> [Script; 2] {
    let bytes = case.answer.to_vec();
    // Byte by byte, unless that would be many thousand writes.
    let piece = if bytes.len() > 2000 { 997 } else { 1 };
    let hostile = Script::new().read_request();
    let hostile = match delivery {
        Delivery::Whole => hostile.send(bytes),
        Delivery::Torn => hostile.send_split(bytes, [piece]),
    };
    let hostile = match case.after {
        After::Closes => hostile.close(),
        // What comes on this connection may only be asked for when it was worth keeping.
        After::Stays => hostile.forever(Script::new().answer(ok(match case.want {
            Want::Kept(_) => "own",
            Want::Fault(_) | Want::Lost(..) => "another's",
        }))),
    };
    [hostile, answering(ok("own"))]
}

pub(crate) fn assert_fault(error: &Error, fault: ProtocolFault, name: &str) {
    let ended = matches!(
        fault,
        ProtocolFault::EndedInHead | ProtocolFault::EndedInBody { .. }
    );
    let kind = match fault.limit() {
        Some(_) => ErrorKind::Limit,
        None if ended => ErrorKind::Closed,
        None => ErrorKind::Protocol,
    };
    let why = CloseReason::PeerBrokeProtocol(fault);
    assert_eq!(error.reason(), Some(&why), "{name}: {error:?}");
    assert_eq!(error.kind(), kind, "{name}: {error:?}");
    assert_eq!(error.limit(), fault.limit(), "{name}");
    let sent_again = |it: &Retry| matches!(it, Retry::Again(_));
    assert!(!error.retries().iter().any(sent_again), "{name}");
    assert!(!error.is_safe_to_retry(), "{name}");
}

async fn read(outcome: Result<Response, Error>) -> Result<String, Error> {
    outcome?.text().await
}

async fn play(case: &Case, delivery: Delivery, caller: Caller) {
    let name = format!("{} ({delivery:?}, {caller:?})", case.name);
    let lab = Lab::start(server(case, delivery)).await;
    let client = Client::new();
    let outcome = client.get(lab.url("/first")).send().await;
    match (caller, case.want) {
        (Caller::LetsGo, _) => drop(outcome),
        (Caller::Reads, Want::Fault(fault)) => {
            let error = read(outcome).await.expect_err(&name);
            assert_fault(&error, fault, &name);
            let closed = assert_quiet(&client).closed_as("peer-broke-protocol");
            assert_eq!(closed, 1, "{name}");
        }
        (Caller::Reads, Want::Kept(body) | Want::Lost(body, _)) => {
            assert_eq!(read(outcome).await.expect(&name), body, "{name}");
        }
    }
    // All that is hostile has been said, or the client has ended it.
    let said = case.answer.len() as u64;
    lab.wait_for(|it| {
        let first = it.connection(1);
        first.sent_bytes() >= said || first.end().is_some()
    })
    .await;
    assert_eq!(text(&client, &lab.url("/next")).await, "own", "{name}");
    let counts = settle(&client, |now| now.active == 0).await;
    let transcript = lab.transcript();
    assert_eq!(transcript.requests_for("/first"), 1, "{name}");
    assert_eq!(transcript.requests_for("/next"), 1, "{name}");
    match case.want {
        Want::Kept(_) if caller == Caller::Reads => {
            assert_eq!(counts.opened, 1, "{name}: {counts:?}");
        }
        Want::Kept(_) => {}
        Want::Lost(_, slug) if caller == Caller::Reads => {
            assert_eq!(counts.closed_as(slug), 1, "{name}: {counts:?}");
            assert_eq!(counts.opened, 2, "{name}");
        }
        Want::Fault(_) | Want::Lost(..) => assert_eq!(counts.opened, 2, "{name}: {counts:?}"),
    }
}

/// Plays each case whole and torn, to a caller who reads and to one who does not.
pub(crate) async fn play_all(cases: &[Case]) {
    bounded(async {
        for case in cases {
            for delivery in [Delivery::Whole, Delivery::Torn] {
                for caller in [Caller::Reads, Caller::LetsGo] {
                    play(case, delivery, caller).await;
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn first_bytes_and_status_lines() {
    play_all(corpus::STARTS).await;
}

#[tokio::test]
async fn header_lines_that_lie_about_framing() {
    // Whatever a lenient reader takes for the end of the first answer, the rest is a second one.
    let smuggled = b"0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong";
    let cases: Vec<_> = corpus::FIELDS
        .iter()
        .map(|&(name, lines, fault)| Case {
            name,
            answer: [b"HTTP/1.1 200 OK\r\n", lines, b"\r\n\r\n", smuggled]
                .concat()
                .into(),
            after: After::Stays,
            want: Want::Fault(fault),
        })
        .collect();
    play_all(&cases).await;
}

#[tokio::test]
async fn framing_that_is_odd() {
    play_all(corpus::FRAMING).await;
}

#[tokio::test]
async fn chunks_and_trailers() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let cases: Vec<_> = corpus::CHUNKS
        .iter()
        .map(|case| Case {
            answer: [&head[..], &case.answer].concat().into(),
            ..*case
        })
        .collect();
    play_all(&cases).await;
}

#[tokio::test]
async fn interim_answers() {
    play_all(corpus::INTERIM).await;
}

#[tokio::test]
async fn bytes_behind_an_answer_that_is_over() {
    play_all(corpus::BEHIND).await;
}

#[test]
fn the_corpus_names_each_case_once() {
    for cases in [
        corpus::STARTS,
        corpus::FRAMING,
        corpus::CHUNKS,
        corpus::INTERIM,
        corpus::BEHIND,
    ] {
        let mut names: Vec<_> = cases.iter().map(|case| case.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
