//! RFC 9110 §15.5.9: `408 Request Timeout`. (On an idle connection it is a close and no answer: `framing.rs`.)

use crate::common::{assert_quiet, bounded, fed, settle, text};
use keepwarm::{Client, RequestBody};
use keepwarm_lab::{Behaviour, IdleEnd, Lab, Script, scenario};

const TIMEOUT: &str =
    "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// MAY: a request that is answered 408 is repeated. We do not: it has an answer, which is the caller's.
#[tokio::test]
async fn in_answer_to_a_request_it_is_the_callers() {
    bounded(async {
        let lab = Lab::start(Script::new().read_request().send(TIMEOUT).close()).await;
        let client = Client::new();
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        assert_eq!(response.status(), 408);
        assert_eq!(response.retries(), []);
        assert_eq!(lab.transcript().requests().len(), 1);
        let counts = settle(&client, |now| now.active == 0).await;
        assert_eq!(counts.closed_as("peer-said-close"), 1);
    })
    .await;
}

/// While the request is on its way it stops the rest of it.
#[tokio::test]
async fn during_an_upload_it_stops_it() {
    bounded(async {
        let lab = Lab::start(Script::new().read_head().send(TIMEOUT).hang()).await;
        let client = Client::new();
        let (feed, stream) = fed(Some(1 << 30));
        feed.data("slow");
        let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
        let response = call.send().await.expect("an answer");
        assert_eq!(response.status(), 408);
        response.bytes().await.expect("nothing");
        feed.let_go().await;
        assert_eq!(assert_quiet(&client).closed_as("request-not-sent"), 1);
    })
    .await;
}

/// On a connection without a request it answers nothing: the next call has another connection.
#[tokio::test]
async fn without_a_request_it_is_a_close() {
    bounded(async {
        let behaviour = Behaviour {
            idle_end: IdleEnd::Timeout408,
            ..scenario::idle_close_at("close")
        };
        let lab = Lab::start(behaviour).await;
        let client = Client::new();
        text(&client, &lab.url("/")).await;
        lab.open("close");
        settle(&client, |now| now.idle == 0).await;
        // Shut again, or the second connection's 408 would come right behind its answer.
        lab.shut("close");
        text(&client, &lab.url("/")).await;
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (2, 1));
        assert_eq!(counts.closed_as("peer-closed-idle"), 1);
    })
    .await;
}
