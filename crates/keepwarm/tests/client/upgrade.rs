//! `101 Switching Protocols`: the connection becomes the caller's, and leaves the pool.

use crate::common::{assert_quiet, bounded, build, fed, ok, slugs, text};
use keepwarm::reason::{CloseReason, ProtocolFault};
use keepwarm::{Client, ErrorKind, RequestBody, RequestBuilder};
use keepwarm_lab::{Behaviour, Conduct, End, Lab, Script, Upgrade, scenario};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn asking(client: &Client, lab: &Lab) -> RequestBuilder {
    let call = client.get(lab.url("/chat"));
    call.header("Connection", "Upgrade")
        .header("Upgrade", "echo")
}

fn switching(first_bytes: &[u8]) -> Behaviour {
    Behaviour {
        upgrade: Some(Upgrade {
            protocol: "echo".to_owned(),
            first_bytes: first_bytes.to_vec(),
        }),
        ..Behaviour::default()
    }
}

/// Go 125 TransportResponseBodyWritableOnProtocolSwitch: 101 gives a stream for both directions, bytes already read
/// included.
/// Differs: the stream is `into_upgraded`, not the body.
#[tokio::test]
async fn the_stream_and_the_bytes_already_read_are_handed_over() {
    bounded(async {
        let lab = Lab::start(switching(b"welcome")).await;
        let client = Client::new();
        let response = asking(&client, &lab).send().await.expect("a switch");
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()["upgrade"], "echo");
        assert_eq!(slugs(response.reuse()), ["switched-protocols"]);
        let mut upgraded = response.into_upgraded().expect("the connection");
        let mut first = [0; 7];
        upgraded
            .read_exact(&mut first)
            .await
            .expect("the first bytes");
        assert_eq!(&first, b"welcome");
        for round in 0..10_u8 {
            let sent = vec![round; 1000 * usize::from(round) + 1];
            upgraded.write_all(&sent).await.expect("it is open");
            upgraded.flush().await.expect("it is open");
            let mut back = vec![0; sent.len()];
            upgraded.read_exact(&mut back).await.expect("an echo");
            assert_eq!(back, sent);
        }
        upgraded.shutdown().await.expect("a FIN");
        lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
            .await;
        let request = lab.transcript().request(1, 1).clone();
        assert_eq!(request.header_count("connection"), 1);
        assert_eq!(request.header("upgrade"), Some("echo"));
    })
    .await;
}

#[tokio::test]
async fn the_parts_hold_the_bytes_and_the_stream() {
    bounded(async {
        let lab = Lab::start(switching(b"welcome")).await;
        let response = asking(&Client::new(), &lab).send().await.expect("a switch");
        let upgraded = response.into_upgraded().expect("the connection");
        let (first, mut stream) = upgraded.into_parts();
        assert_eq!(&first[..], b"welcome");
        stream.write_all(b"ping").await.expect("it is open");
        let mut back = [0; 4];
        stream.read_exact(&mut back).await.expect("an echo");
        assert_eq!(&back, b"ping");
        drop(stream);
        lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
            .await;
    })
    .await;
}

/// Go 125 TransportResponseBodyWritableOnProtocolSwitch: its place is free at the hand-over.
/// Same as Go.
#[tokio::test]
async fn an_upgraded_connection_holds_no_place_in_the_pool() {
    bounded(async {
        let lab = Lab::start([switching(b""), Behaviour::default()]).await;
        let client = build(Client::builder().max_conns_per_host(1).max_conns(1));
        let response = asking(&client, &lab).send().await.expect("a switch");
        let mut upgraded = response.into_upgraded().expect("the connection");
        let counts = assert_quiet(&client);
        assert_eq!(counts.closed_as("switched-protocols"), 1);
        assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
        upgraded
            .write_all(b"still there")
            .await
            .expect("it is open");
        let mut back = [0; 11];
        upgraded.read_exact(&mut back).await.expect("an echo");
        client.shutdown(crate::common::SHORT).await;
        drop(client);
        upgraded
            .write_all(b"even after!")
            .await
            .expect("it is open");
        upgraded.read_exact(&mut back).await.expect("an echo");
        assert_eq!(&back, b"even after!");
    })
    .await;
}

#[tokio::test]
async fn a_switch_nobody_reads_closes_the_connection() {
    bounded(async {
        let lab = Lab::start(switching(b"welcome")).await;
        let client = Client::new();
        drop(asking(&client, &lab).send().await.expect("a switch"));
        lab.wait_for(|it| it.connection(1).end().is_some()).await;
        assert_quiet(&client);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_does_not_switch_answers_as_ever() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        let response = asking(&client, &lab).send().await.expect("an answer");
        let error = response.into_upgraded().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let response = asking(&client, &lab).send().await.expect("an answer");
        assert!(response.connection().reused);
        assert_eq!(response.text().await.expect("a body"), "hello, world\n");
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// Go 124 TransportTreat101Terminal: 101 is final.
/// Differs: a switch that was not asked for is an error.
#[tokio::test]
async fn a_switch_that_was_not_asked_for_is_an_error() {
    bounded(async {
        let answer = "HTTP/1.1 101 Switching Protocols\r\n\
            Connection: upgrade\r\nUpgrade: echo\r\n\r\n";
        let unasked = Script::new().answer(answer).hang();
        let lab = Lab::start([Conduct::from(unasked), Behaviour::default().into()]).await;
        let client = Client::new();
        let error = client.get(lab.url("/")).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        let why = CloseReason::PeerBrokeProtocol(ProtocolFault::UnaskedSwitch);
        assert_eq!(error.reason(), Some(&why));
        lab.wait_for(|it| it.connection(1).end().is_some()).await;
        assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
        assert_quiet(&client);
    })
    .await;
}

#[tokio::test]
async fn an_interim_answer_may_come_before_the_switch() {
    bounded(async {
        let answer = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\
            Connection: upgrade\r\nUpgrade: echo\r\n\r\n";
        let lab = Lab::start(Script::new().answer(answer).echo()).await;
        let response = asking(&Client::new(), &lab).send().await.expect("a switch");
        let mut upgraded = response.into_upgraded().expect("the connection");
        upgraded.write_all(b"ping").await.expect("it is open");
        let mut back = [0; 4];
        upgraded.read_exact(&mut back).await.expect("an echo");
    })
    .await;
}

#[tokio::test]
async fn a_switch_with_a_request_body_sends_the_body_first() {
    bounded(async {
        let script = Script::new()
            .read_request()
            .send(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
            )
            .echo();
        let lab = Lab::start([Conduct::from(script), Script::new().answer(ok("x")).into()]).await;
        let client = Client::new();
        let call = client.post(lab.url("/")).body("before the switch");
        let call = call
            .header("Connection", "upgrade")
            .header("Upgrade", "echo");
        let response = call.send().await.expect("a switch");
        let mut upgraded = response.into_upgraded().expect("the connection");
        upgraded.write_all(b"ping").await.expect("it is open");
        let mut back = [0; 4];
        upgraded.read_exact(&mut back).await.expect("an echo");
        assert_eq!(&back, b"ping");
        assert_eq!(lab.transcript().request(1, 1).body, b"before the switch");
        assert_quiet(&client);
    })
    .await;
}

/// RFC 9110 §7.8: a protocol cannot be switched in the middle of a request: the call fails and the connection ends.
#[tokio::test]
async fn a_switch_in_the_middle_of_a_request_fails_the_call() {
    bounded(async {
        let switch = "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        let lab = Lab::start(Script::new().read_head().send(switch).hang()).await;
        let client = Client::new();
        let (feed, stream) = fed(Some(100));
        feed.data("half");
        let call = client.post(lab.url("/")).header("Connection", "upgrade");
        let call = call
            .header("Upgrade", "x")
            .body(RequestBody::stream(stream));
        let error = call.send().await.unwrap_err();
        assert_eq!(
            error.reason(),
            Some(&CloseReason::RequestNotSent),
            "{error:?}"
        );
        feed.let_go().await;
        assert_eq!(assert_quiet(&client).closed_as("request-not-sent"), 1);
    })
    .await;
}
