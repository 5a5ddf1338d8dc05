//! Bodies over TLS: large, cut, cancelled.

use keepwarm::reason::CloseReason;
use keepwarm::{ErrorKind, RequestBody};
use tokio::io::AsyncReadExt;

use crate::authority::Authority;
use crate::server::{End, HELLO, TlsServer, config};
use crate::support::{client, finish, run};

const MEBIBYTE: usize = 1024 * 1024;

/// Bytes that show where they stand.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

#[test]
fn a_body_of_a_hundred_mebibytes_arrives_whole() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::start(config(&authority.issue(&["localhost"])), async |mut it| {
            let piece = pattern(MEBIBYTE);
            while it.request().await.is_some() {
                let length = 100 * MEBIBYTE;
                it.say(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
                ))
                .await;
                for _ in 0..100 {
                    it.say(&piece).await;
                }
            }
        })
        .await;
        let (client, _) = client(|config| config.tls(authority.trusted()));
        let mut response = client.get(server.url("/")).send().await.expect("an answer");
        let piece = pattern(MEBIBYTE);
        let mut at = 0;
        while let Some(data) = response.chunk().await.expect("a whole body") {
            let mut data = &data[..];
            while !data.is_empty() {
                let begin = at % MEBIBYTE;
                let count = data.len().min(MEBIBYTE - begin);
                assert!(data[..count] == piece[begin..begin + count], "at {at}");
                at += count;
                data = &data[count..];
            }
        }
        assert_eq!(at, 100 * MEBIBYTE);
        assert!(response.reuse().expect("a verdict").reasons().is_empty());
    });
}

#[test]
fn an_upload_of_ten_mebibytes_arrives_whole() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::start(config(&authority.issue(&["localhost"])), async |mut it| {
            while it.request().await.is_some() {
                let mut body = vec![0; 10 * MEBIBYTE];
                it.stream.read_exact(&mut body).await.expect("a body");
                let same = body == pattern(10 * MEBIBYTE);
                let text = if same { "same" } else { "else" };
                it.say(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{text}"
                ))
                .await;
            }
        })
        .await;
        let (client, _) = client(|config| config.tls(authority.trusted()));
        for round in 1..=2 {
            let body = RequestBody::from(pattern(10 * MEBIBYTE));
            let call = client.post(server.url("/")).body(body).send().await;
            let done = finish(call.expect("an answer")).await;
            assert_eq!(done.body, b"same");
            assert_eq!(done.connection.requests, round);
        }
    });
}

#[test]
fn a_body_that_only_the_close_ends_is_whole_with_close_notify_and_cut_without() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::start(config(&authority.issue(&["localhost"])), async |mut it| {
            it.request().await;
            it.say("HTTP/1.1 200 OK\r\n\r\nall of it").await;
            if it.index == 0 {
                it.stream.get_mut().1.send_close_notify();
                it.say("").await;
            }
            // Dropped, the socket closes without another word.
        })
        .await;
        let (client, _) = client(|config| config.tls(authority.trusted()));
        let response = client.get(server.url("/")).send().await.expect("an answer");
        assert_eq!(response.text().await.expect("whole"), "all of it");
        let response = client.get(server.url("/")).send().await.expect("an answer");
        let error = response.text().await.expect_err("it was cut");
        assert!(error.to_string().contains("unexpected EOF"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Io);
    });
}

#[test]
fn a_call_given_up_within_a_body_closes_politely() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::start(config(&authority.issue(&["localhost"])), async |mut it| {
            it.request().await;
            it.say("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\nthe beginning")
                .await;
            it.serve(HELLO).await;
        })
        .await;
        let (client, log) = client(|config| config.tls(authority.trusted()));
        let response = client.get(server.url("/")).send().await.expect("an answer");
        drop(response);
        let end = log.closed(1).await[0];
        assert!(
            matches!(end.closed.reason, CloseReason::BodyNotRead { .. }),
            "{end:?}"
        );
        assert_eq!(server.end(0).await, End::CloseNotify);
        let (stats, url) = (client.stats(), server.url("/"));
        let counts = &stats.origin(&url).expect("it was called").counts;
        assert_eq!((counts.idle, counts.active), (0, 0));
    });
}
