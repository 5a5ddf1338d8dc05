//! What no ordinary client sends, and only servers of one's own get.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use keepwarm_doctor::{Cause, Diagnosis, Pipelining, Settings, Severity, UnreachableKind};
use keepwarm_lab::{AfterEarly, Behaviour, Lab, Upload, scenario};

use crate::support::{Examined, begin, served_by, within};

fn aggressive() -> Settings {
    Settings {
        aggressive: true,
        ..within(Duration::from_secs(20))
    }
}

async fn examine(url: &str) -> Examined {
    let mut examination = begin(url, aggressive()).await.expect("it is there");
    examination.finished().await;
    let measured = examination.conclude();
    let diagnosis = Diagnosis::of(&measured, None);
    Examined {
        measured,
        diagnosis,
    }
}

/// Refuses everything, and closes what is idle for a second.
fn refusing(change: impl FnOnce(&mut Behaviour)) -> Lab {
    let mut behaviour = Behaviour {
        status: 404,
        ..scenario::idle_timeout(Duration::from_secs(1))
    };
    change(&mut behaviour);
    Lab::spawn_thread(behaviour)
}

#[tokio::test]
async fn a_server_that_reads_what_it_refuses_keeps_its_connections() {
    let lab = refusing(|_| {});
    let it = examine(&lab.url("/")).await;
    let seen = &it.measured.unread_body;
    assert_eq!(seen.len(), 8, "{:?}", it.measured.notes);
    for body in seen {
        assert_eq!((body.status, body.sent), (Some(404), body.size), "{body:?}");
        assert!(!body.closes && !body.answer_lost, "{body:?}");
        assert_eq!(body.continued, body.expect, "{body:?}");
    }
    assert_eq!(it.measured.pipelining, Some(Pipelining::Both));
    it.has_no(Cause::RequestBodyRefused)
        .has_no(Cause::ExpectationRefused);
    it.has_no(Cause::ErrorStatusClose);
    let asked = lab.transcript();
    let asked: Vec<_> = asked
        .connections()
        .iter()
        .flat_map(|it| it.requests())
        .collect();
    let longest = asked.iter().map(|it| it.target.len()).max();
    assert!(longest > Some(16 << 10));
    assert!(asked.iter().any(|it| it.method == "TRACE"));
}

#[tokio::test]
async fn nothing_of_it_is_sent_unless_it_was_asked_for() {
    let lab = refusing(|_| {});
    let settings = within(Duration::from_secs(20));
    let mut examination = begin(&lab.url("/"), settings).await.expect("it is there");
    examination.finished().await;
    let measured = examination.conclude();
    assert_eq!((measured.unread_body.len(), measured.pipelining), (0, None));
    let asked = lab.transcript();
    let mut asked = asked.connections().iter().flat_map(|it| it.requests());
    assert!(asked.all(|it| matches!(it.method.as_str(), "GET" | "HEAD")));
}

#[tokio::test]
async fn an_answer_before_the_body_that_ends_the_connection_is_found() {
    let lab = refusing(|it| {
        it.upload = Upload::AnswerEarly {
            after: 0,
            then: AfterEarly::ReadThenClose,
        };
    });
    let it = examine(&lab.url("/")).await;
    let found = it.diagnosis.findings.iter();
    let mut found = found.filter(|it| it.cause == Cause::RequestBodyRefused);
    assert_eq!(found.next().map(|it| it.severity), Some(Severity::Info));
    for body in it.measured.unread_body.iter().filter(|it| !it.expect) {
        assert!(body.closes && !body.announced, "{body:?}");
        assert_eq!(body.status, Some(404), "{body:?}");
    }
}

#[tokio::test]
async fn a_refused_expectation_is_found_and_its_body_is_not_sent() {
    let lab = refusing(|it| it.expect = keepwarm_lab::Expect::Final(417));
    let it = examine(&lab.url("/")).await;
    assert!(
        it.causes().contains(&Cause::ExpectationRefused),
        "{:#?}",
        it.diagnosis
    );
    for body in it.measured.unread_body.iter().filter(|it| it.expect) {
        assert_eq!(
            (body.status, body.sent, body.continued),
            (Some(417), 0, false)
        );
    }
}

/// Takes what one read gives for one request, and knows nothing but GET; its URL.
fn careless() -> String {
    served_by(serve)
}

fn serve(mut socket: &TcpStream) -> Option<()> {
    socket.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let mut bytes = vec![0; 128 << 10];
    loop {
        let read = socket.read(&mut bytes).ok().filter(|read| *read > 0)?;
        let mut lines = BufReader::new(&bytes[..read]).lines();
        let first = lines.next()?.ok()?;
        if first.starts_with("POST") {
            // What it has not read makes the system reset the connection, and nothing was answered.
            return None;
        }
        let status = if first.contains(" / ") {
            "200 OK"
        } else {
            "404 Not Found"
        };
        let body = if first.starts_with("HEAD") { "" } else { "ok" };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{body}");
        socket.write_all(answer.as_bytes()).ok()?;
    }
}

#[tokio::test]
async fn lost_answers_and_swallowed_requests_are_told() {
    let it = examine(&careless()).await;
    assert_eq!(
        it.measured.pipelining,
        Some(Pipelining::FirstOnly),
        "{:#?}",
        it.measured
    );
    let found = it.diagnosis.findings.iter();
    let mut found = found.filter(|it| it.cause == Cause::RequestBodyRefused);
    assert_eq!(found.next().map(|it| it.severity), Some(Severity::Medium));
    assert!(
        it.measured
            .unread_body
            .iter()
            .all(|body| body.answer_lost && body.closes)
    );
}

#[tokio::test]
async fn a_public_address_is_not_examined_so() {
    for url in ["http://192.0.2.1/", "http://[2001:db8::1]/"] {
        let refused = begin(url, aggressive())
            .await
            .expect_err("it is a stranger's");
        assert_eq!(refused.kind, UnreachableKind::Settings);
        assert!(refused.message.contains("--i-own-this"), "{refused}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_the_others() {
    let lab = Lab::spawn_thread(Behaviour {
        status: 301,
        ..scenario::idle_timeout(Duration::from_secs(1))
    });
    let settings = within(Duration::from_secs(20));
    let mut examination = begin(&lab.url("/"), settings).await.expect("it is there");
    examination.finished().await;
    assert!(!examination.conclude().error_close["301"].closes);
}
