//! RFC 9112 §9.3 and §9.6 with the whole client: `close` is said when it is meant, and obeyed.

use crate::common::{assert_quiet, bounded, build, ok, raw, slugs, text};
use keepwarm::Client;
use keepwarm_lab::{Lab, scenario};

/// §9.3 MUST: a client that keeps nothing alive says `close` in every request, once.
#[tokio::test]
async fn without_keep_alive_every_request_says_close() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = build(Client::builder().keep_alive(false));
        for call in [
            client.get(lab.url("/")),
            client.post(lab.url("/")).body("b"),
            client.get(lab.url("/")).close(),
        ] {
            let response = call.send().await.expect("an answer");
            response.bytes().await.expect("a body");
        }
        for request in lab.transcript().requests() {
            assert_eq!(request.header("connection"), Some("close"));
            assert_eq!(request.header_count("connection"), 1);
        }
        assert_eq!(assert_quiet(&client).opened, 3);
    })
    .await;
}

/// The exception: a request to switch protocols does not say it, as with Go: a server that is told to close does not
/// switch. Its connection serves no other request all the same.
#[tokio::test]
async fn a_wish_to_switch_does_not_say_close() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = build(Client::builder().keep_alive(false));
        for _ in 0..2 {
            let call = client.get(lab.url("/")).header("Connection", "Upgrade");
            let call = call.header("Upgrade", "x").send();
            let mut response = call.await.expect("an answer");
            while response.chunk().await.expect("a body").is_some() {}
            assert_eq!(slugs(response.reuse()), ["pool-off"]);
        }
        assert_eq!(
            lab.transcript().requests()[0].header("connection"),
            Some("Upgrade")
        );
        assert_eq!(assert_quiet(&client).opened, 2);
    })
    .await;
}

/// §9.6 MUST: behind `close`, whoever said it, nothing more is sent and the connection ends, though the server would
/// go on.
#[tokio::test]
async fn close_ends_the_connection_whoever_said_it() {
    bounded(async {
        let lab = raw(ok("fine")).await;
        let client = Client::new();
        let call = client.get(lab.url("/")).close();
        let mut response = call.send().await.expect("an answer");
        while response.chunk().await.expect("a body").is_some() {}
        assert_eq!(slugs(response.reuse()), ["we-said-close"]);
        text(&client, &lab.url("/")).await;
        assert_eq!(assert_quiet(&client).opened, 2);
        lab.wait_for(|it| it.connection(1).end().is_some()).await;

        let lab = raw("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        let client = Client::new();
        for _ in 0..2 {
            text(&client, &lab.url("/")).await;
        }
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.closed_as("peer-said-close")), (2, 2));
        lab.wait_for(|it| it.connection(2).end().is_some()).await;
        for connection in lab.transcript().connections() {
            assert_eq!(connection.requests().count(), 1);
        }
    })
    .await;
}
