//! Targets that cannot be examined: the kind of failure, and a sentence with the reason.

use std::time::Duration;

use keepwarm_doctor::{Settings, Unreachable, UnreachableKind};
use keepwarm_lab::{Lab, Script, scenario};

use crate::support::{begin, within};

fn impatient() -> Settings {
    Settings {
        patience: Duration::from_millis(300),
        ..within(Duration::from_secs(5))
    }
}

async fn failure(url: &str) -> Unreachable {
    begin(url, impatient())
        .await
        .expect_err("it cannot be examined")
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let lab = Lab::spawn_thread(scenario::refuse());
    let it = failure(&lab.url("/")).await;
    assert_eq!(it.kind, UnreachableKind::Connect);
    assert!(it.message.contains("refused"), "{it}");
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let lab = Lab::spawn_thread(scenario::hang());
    let it = failure(&lab.url("/")).await;
    assert_eq!(it.kind, UnreachableKind::NoAnswer);
    assert!(it.message.contains("within 0.3 s"), "{it}");
}

#[tokio::test]
async fn a_server_that_hangs_up() {
    let lab = Lab::spawn_thread(scenario::accept_then_close());
    let it = failure(&lab.url("/")).await;
    assert_eq!(it.kind, UnreachableKind::NoAnswer);
}

#[tokio::test]
async fn a_server_of_another_protocol() {
    let lab = Lab::spawn_thread(Script::new().send("SSH-2.0-OpenSSH_9.9\r\n"));
    let it = failure(&lab.url("/")).await;
    assert_eq!(it.kind, UnreachableKind::NotHttp);
    assert!(it.message.contains("SSH-2.0"), "{it}");
}

#[tokio::test]
async fn tls_where_plain_http_is_spoken() {
    let lab = Lab::spawn_thread(
        Script::new()
            .read_bytes(5)
            .send("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    let it = failure(&format!("https://{}/", lab.addr())).await;
    assert_eq!(it.kind, UnreachableKind::Tls, "{it}");
}

#[tokio::test]
async fn plain_http_where_tls_is_spoken() {
    let lab = Lab::spawn_thread(
        Script::new()
            .read_head()
            .send(b"\x15\x03\x01\x00\x02\x02\x46".to_vec()),
    );
    let it = failure(&lab.url("/")).await;
    assert_eq!(it.kind, UnreachableKind::NotHttp);
    assert!(it.message.contains("https://"), "{it}");
}

#[tokio::test]
async fn a_name_without_an_address() {
    let it = failure("http://no-such-host.invalid/").await;
    assert_eq!(it.kind, UnreachableKind::Name, "{it}");
}
