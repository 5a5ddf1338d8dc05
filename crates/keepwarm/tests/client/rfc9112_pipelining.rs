//! RFC 9112 §9.3.2 (and §9.2): one request at a time on a connection.

use crate::common::{answering, assert_quiet, bounded, ok, text};
use keepwarm::{Client, RequestBuilder};
use keepwarm_lab::{Behaviour, Lab, Pause, scenario};

/// MAY: requests are pipelined. We do not: what is behind a lost one would be lost with it, and one slow answer would
/// hold all others. Two calls at once have two connections.
#[tokio::test]
async fn calls_at_once_do_not_share_a_connection() {
    bounded(async {
        let lab = Lab::start(Behaviour {
            before_head: Pause::gate("answer"),
            ..Behaviour::default()
        })
        .await;
        let client = Client::new();
        let send = |call: RequestBuilder| tokio::spawn(call.send());
        let calls = [
            send(client.get(lab.url("/1"))),
            send(client.get(lab.url("/2"))),
        ];
        lab.wait_for(|it| it.counters().requests == 2).await;
        for connection in lab.transcript().connections() {
            assert_eq!(connection.requests().count(), 1);
        }
        lab.open("answer");
        for call in calls {
            let response = call.await.expect("no panic").expect("an answer");
            response.bytes().await.expect("a body");
        }
        assert_eq!(assert_quiet(&client).opened, 2);
    })
    .await;
}

/// The next request is written when the answer before it has ended, and not a byte earlier: the server has sent its
/// last byte by then.
#[tokio::test]
async fn the_next_request_waits_for_the_end_of_the_answer() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        let first = client.get(lab.url("/1")).send().await.expect("an answer");
        first.bytes().await.expect("a body");
        let before = lab.transcript().connection(1).sent_bytes();
        text(&client, &lab.url("/2")).await;
        let transcript = lab.transcript();
        assert_eq!(transcript.connection(1).requests().count(), 2);
        assert_eq!(transcript.connection(1).sent_bytes(), 2 * before);
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// §9.2 MUST NOT: a second answer is nobody's: the next call asks on a connection of its own.
#[tokio::test]
async fn a_second_answer_is_nobodys() {
    bounded(async {
        let both = ok("mine") + &ok("nobody's");
        let lab = Lab::start([answering(both), answering(ok("own"))]).await;
        let client = Client::new();
        assert_eq!(text(&client, &lab.url("/1")).await, "mine");
        assert_eq!(text(&client, &lab.url("/2")).await, "own");
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.closed_as("stray-bytes")), (2, 1));
    })
    .await;
}
