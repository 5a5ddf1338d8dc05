//! Answers that are too much of something, made rather than written down, and those that just fit.

use keepwarm::reason::{Limit, ProtocolFault};

use crate::corpus::{After, Case, Want};
use crate::desync::play_all;

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn too_much(name: &'static str, answer: String, limit: Limit) -> Case {
    Case {
        name,
        answer: answer.into_bytes().into(),
        after: After::Stays,
        want: Want::Fault(ProtocolFault::TooMuch(limit)),
    }
}

fn fits(name: &'static str, answer: String) -> Case {
    Case {
        want: Want::Kept("ok"),
        ..too_much(name, answer, Limit::HeadBytes)
    }
}

/// An answer with this line among its header lines.
fn with_line(line: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: 2\r\n\r\nok")
}

/// So many short header or trailer lines.
fn lines(count: usize) -> String {
    (0..count)
        .map(|number| format!("A{number}: b\r\n"))
        .collect()
}

#[tokio::test]
async fn heads() {
    let long = |count: usize| "x".repeat(count);
    let same = |count: usize| "A: b\r\n".repeat(count);
    let head = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok");
    play_all(&[
        too_much(
            "a long reason",
            format!("HTTP/1.1 200 {}\r\n\r\n", long(70_000)),
            Limit::HeadBytes,
        ),
        too_much(
            "a long name",
            with_line(&format!("{}: y", long(70_000))),
            Limit::HeadBytes,
        ),
        too_much(
            "a long value",
            with_line(&format!("X: {}", long(70_000))),
            Limit::HeadBytes,
        ),
        too_much(
            "long blanks",
            with_line(&format!("X:{}", " ".repeat(70_000))),
            Limit::HeadBytes,
        ),
        too_much(
            "a length of 70 000 zeros",
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}2\r\n\r\nok",
                "0".repeat(70_000)
            ),
            Limit::HeadBytes,
        ),
        too_much(
            "a line end missing",
            format!("HTTP/1.1 200 OK\r\nX: {}", long(65_536)),
            Limit::HeadBytes,
        ),
        too_much("257 lines", head(&lines(256)), Limit::HeaderCount),
        too_much(
            "257 lines of one name",
            head(&same(256)),
            Limit::HeaderCount,
        ),
        too_much(
            "too many lines of an interim answer",
            head(&lines(300)).replace("200 OK", "103 X"),
            Limit::HeaderCount,
        ),
    ])
    .await;
}

#[tokio::test]
async fn heads_that_just_fit() {
    let long = |count: usize| "x".repeat(count);
    let same = |count: usize| "A: b\r\n".repeat(count);
    let head = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok");
    play_all(&[
        fits("256 lines", head(&lines(255))),
        fits("256 lines of one name", head(&same(255))),
        fits(
            "a long enough name",
            with_line(&format!("{}: y", long(60_000))),
        ),
        fits(
            "a length of 60 000 zeros",
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}2\r\n\r\nok",
                "0".repeat(60_000)
            ),
        ),
        fits(
            "a list of 10 000 equal lengths",
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 2{}\r\n\r\nok",
                ", 2".repeat(9_999)
            ),
        ),
        fits(
            "a line of 60 000 commas",
            with_line(&format!("Connection: {}", ",".repeat(60_000))),
        ),
        fits(
            "a hint of many numbers",
            with_line(&format!(
                "Keep-Alive: {}",
                "timeout=9999999999999999999999;".repeat(1_000)
            )),
        ),
    ])
    .await;
}

#[tokio::test]
async fn chunks() {
    let body = |framed: String| format!("{CHUNKED}{framed}");
    let extended = |count: usize| format!("1;{}\r\no\r\n1\r\nk\r\n0\r\n\r\n", "e".repeat(count));
    let honest = "1\r\no\r\n1\r\nk\r\n";
    play_all(&[
        too_much(
            "a size line one too long",
            body(extended(4_093)),
            Limit::ChunkLine,
        ),
        too_much(
            "a size of many zeros",
            body("0".repeat(4_096)),
            Limit::ChunkLine,
        ),
        too_much(
            "blanks that never end",
            body(format!("1{}", " ".repeat(4_096))),
            Limit::ChunkLine,
        ),
        too_much(
            "an extension that never ends",
            body(format!("1;{}", "e".repeat(4_096))),
            Limit::ChunkLine,
        ),
        too_much(
            "an extension of the last size",
            body(format!("{honest}0;{}\r\n\r\n", "e".repeat(5_000))),
            Limit::ChunkLine,
        ),
        too_much(
            "extensions on each byte",
            body(format!("1;{}\r\nx\r\n", "e".repeat(1_000)).repeat(20)),
            Limit::ChunkOverhead,
        ),
        too_much(
            "trailers one byte too long",
            body(format!("{honest}0\r\nX: {}\r\n\r\n", "y".repeat(16_378))),
            Limit::TrailerBytes,
        ),
        too_much(
            "257 trailers",
            body(format!("{honest}0\r\n{}\r\n", lines(257))),
            Limit::HeaderCount,
        ),
        too_much(
            "trailers that never end",
            body(format!("{honest}0\r\n{}", "A: b\r\n".repeat(2_731))),
            Limit::TrailerBytes,
        ),
        fits("a size line that just fits", body(extended(4_092))),
        fits(
            "trailers that just fit",
            body(format!("{honest}0\r\nX: {}\r\n\r\n", "y".repeat(16_377))),
        ),
        fits(
            "256 trailers",
            body(format!("{honest}0\r\n{}\r\n", lines(256))),
        ),
    ])
    .await;
}

#[tokio::test]
async fn storms_of_interim_answers() {
    let storm = |count: usize, one: &str| one.repeat(count) + &with_line("X: y");
    let small = "HTTP/1.1 100 Continue\r\n\r\n";
    let fat = format!("HTTP/1.1 103 X\r\nLink: {}\r\n\r\n", "l".repeat(20_000));
    play_all(&[
        too_much("65 times 100", storm(65, small), Limit::Interim),
        too_much("1000 times 100", storm(1_000, small), Limit::Interim),
        too_much("65 times 20 000 bytes", storm(65, &fat), Limit::Interim),
        fits("64 times 100", storm(64, small)),
        fits("20 times 20 000 bytes", storm(20, &fat)),
    ])
    .await;
}
