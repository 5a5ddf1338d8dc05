//! RFC 9110 §8.6 (and RFC 9112 §6.3) with the whole client: a length is declared when it is known, and kept.

use crate::common::{assert_quiet, bounded, fed, settle, text};
use keepwarm::{Client, ErrorKind, RequestBody};
use keepwarm_lab::{Lab, scenario};

/// MUST: content is declared, by its length or as chunked; SHOULD: by its length if that is known.
#[tokio::test]
async fn what_is_known_is_declared() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        for declared in [Some(4), None] {
            let (feed, stream) = fed(declared);
            feed.data("body");
            drop(feed);
            let call = client.post(lab.url("/stream"));
            let call = call.body(RequestBody::stream(stream)).send();
            call.await
                .expect("an answer")
                .bytes()
                .await
                .expect("a body");
        }
        for (path, body) in [("/text", "body"), ("/none", "")] {
            let call = client.post(lab.url(path)).body(body).send();
            call.await
                .expect("an answer")
                .bytes()
                .await
                .expect("a body");
        }
        let transcript = lab.transcript();
        let framing = |number| {
            let request = transcript.request(1, number);
            let fields = ["content-length", "transfer-encoding"];
            (fields.map(|name| request.header(name)), request.body_bytes)
        };
        assert_eq!(framing(1), ([Some("4"), None], 4));
        assert_eq!(framing(2).0, [None, Some("chunked")]);
        assert_eq!(framing(3), ([Some("4"), None], 4));
        assert_eq!(framing(4), ([Some("0"), None], 0));
    })
    .await;
}

/// MUST NOT: no length is sent that is known to be wrong. A body that gives less or more than it declared fails the
/// call; nothing beyond the length is written, and the connection, whose message cannot end, ends.
#[tokio::test]
async fn a_length_that_is_not_kept_fails_the_call() {
    bounded(async {
        for given in ["123", "12345"] {
            let lab = Lab::start(scenario::well_behaved()).await;
            let client = Client::new();
            let (feed, stream) = fed(Some(4));
            feed.data(given);
            drop(feed);
            let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
            let error = call.send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
            settle(&client, |now| now.closed_as("request-not-sent") == 1).await;
            lab.wait_for(|it| it.connection(1).end().is_some()).await;
            for request in lab.transcript().requests() {
                assert!(request.body_bytes < 4 && !request.body_complete);
            }
            text(&client, &lab.url("/next")).await;
            assert_eq!(assert_quiet(&client).opened, 2);
        }
    })
    .await;
}
