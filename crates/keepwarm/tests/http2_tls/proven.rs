//! What every real server with TLS and HTTP/2 must show.

use keepwarm::{Client, Protocol};

use crate::real::Program;
use crate::support::{client, finish, until};

/// A thousand calls on one connection of HTTP/2, the same over HTTP/1.1, and a second handshake that resumes the
/// session of the first.
pub(crate) async fn serves_and_resumes(program: &Program, body: &str) {
    let url = program.url("/index.html");
    let trusted = || program.authority.trusted();
    let (h2, _) = client(|config| config.tls(trusted()));
    a_thousand(&h2, &url, body, Protocol::H2).await;
    let (h1, _) = client(|config| config.tls(trusted()).http1_only());
    a_thousand(&h1, &url, body, Protocol::H1).await;
    for client in [h2, h1] {
        client.close_idle();
        let response = client.get(&url).send().await.expect("an answer");
        let done = finish(response).await;
        assert_eq!(done.connection.requests, 1);
        let tls = done.connection.tls().expect("https");
        assert!(tls.resumed, "{tls:?}");
    }
}

async fn a_thousand(client: &Client, url: &str, body: &str, protocol: Protocol) {
    for round in 1..=1000_u64 {
        let response = client.get(url).send().await.expect("an answer");
        let done = finish(response).await;
        assert_eq!(String::from_utf8_lossy(&done.body), body);
        assert_eq!(done.connection.protocol(), protocol);
        assert_eq!(done.connection.requests, round, "{:?}", client.stats());
    }
    let counts = client.stats().total().clone();
    assert_eq!((counts.opened, counts.reused), (1, 999), "{counts:?}");
    until(
        || (client.stats().total().idle == 1).then_some(()),
        || format!("{:?}", client.stats()),
    )
    .await;
}
