//! Section F of the matrix: answers before the answer.

use keepwarm::Client;
use keepwarm_lab::{Behaviour, Content, Expect, Interim, Lab};

use crate::common::{LONG, assert_quiet, bounded, build, raw, slugs, text};

/// Go 114 TransportExpect100Continue200ResponseNoConnClose: a final 200 instead of 100, on a connection that could
/// stay.
/// Differs: the body is not sent and the connection closes: cheaper than an upload that nobody waits for.
#[tokio::test]
async fn c114_a_final_200_instead_of_continue() {
    bounded(async {
        let lab = Lab::start(Behaviour {
            expect: Expect::Final(200),
            ..Behaviour::default()
        })
        .await;
        let client = build(Client::builder().expect_timeout(LONG));
        let call = client.post(lab.url("/")).body("kept").expect_continue();
        let mut response = call.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        while response.chunk().await.expect("a body").is_some() {}
        assert_eq!(slugs(response.reuse())[0], "no-continue");
        lab.wait_for(|it| it.connection(1).end().is_some()).await;
        assert_eq!(lab.transcript().request(1, 1).body_bytes, 0);
        assert_quiet(&client);
    })
    .await;
}

/// Go 120 TransportIgnore1xxResponses: an unknown 1xx is passed over.
/// Differs: there is no hook that shows it.
#[tokio::test]
async fn c120_an_unknown_interim_answer_is_passed_over() {
    bounded(async {
        let lab = Lab::start(Behaviour {
            interim: vec![Interim::once(123)],
            body: Content::Bytes(b"Hello".to_vec()),
            ..Behaviour::default()
        })
        .await;
        let client = Client::new();
        for _ in 0..3 {
            assert_eq!(text(&client, &lab.url("/")).await, "Hello");
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// Go 123 EarlyHintsRequest: two 103 before the answer leave its header fields alone.
/// Differs: they are passed over; there is no hook that delivers them.
#[tokio::test]
async fn c123_early_hints_leave_the_answer_alone() {
    bounded(async {
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
        let last = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Final: yes\r\n\r\nHello";
        let lab = raw(format!("{hint}{hint}{last}")).await;
        let client = Client::new();
        for _ in 0..2 {
            let response = client.get(lab.url("/")).send().await.expect("an answer");
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["x-final"], "yes");
            assert!(!response.headers().contains_key("link"));
            assert_eq!(response.text().await.expect("a body"), "Hello");
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}
