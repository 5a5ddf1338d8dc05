//! Redirects, through the public `Client`: what is sent where, on which connection, and what the caller is told.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{
    LONG, answering, assert_quiet, assert_timeout, bounded, build, fed, ok, settle,
};
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderName, PROXY_AUTHORIZATION, REFERER,
};
use http::{Method, StatusCode};
use http_body_util::Full;
use keepwarm::event::{Event, EventKind, Observer};
use keepwarm::reason::{Limit, Phase};
use keepwarm::{Client, ErrorKind, Hop, NotFollowed, Redirects, RequestBody};
use keepwarm_lab::{Lab, Request, Script};
use std::sync::Mutex;

/// A redirect without a body.
fn to(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Onward\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

fn following(limit: usize) -> Client {
    build(Client::builder().redirects(Redirects::up_to(limit)))
}

async fn lab(script: Script) -> Lab {
    Lab::start(script).await
}

/// The requests that arrived, in order.
fn seen(lab: &Lab) -> Vec<Request> {
    lab.transcript().requests().into_iter().cloned().collect()
}

fn lines(lab: &Lab) -> Vec<String> {
    let line = |it: &Request| format!("{} {} {}", it.method, it.target, it.body.len());
    seen(lab).iter().map(line).collect()
}

#[tokio::test]
async fn nothing_is_followed_unless_asked_for() {
    bounded(async {
        let lab = lab(answering(to(302, "/next"))).await;
        let client = Client::new();
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        assert_eq!(
            (response.status(), response.hops().len()),
            (StatusCode::FOUND, 0)
        );
        assert_eq!((response.not_followed(), lines(&lab).len()), (None, 1));
        let request = following(3).get(lab.url("/")).redirects(Redirects::none());
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::FOUND);
    })
    .await;
}

#[tokio::test]
async fn each_hop_is_told_with_its_connection() {
    bounded(async {
        let script = Script::new()
            .answer(to(301, "/b?x=1#part"))
            .answer(to(302, "c"))
            .answer(ok("there"));
        let lab = lab(script).await;
        let client = following(2);
        let response = client.get(lab.url("/a/")).send().await.expect("an answer");
        let hops: Vec<_> = response.hops().iter().map(of_hop).collect();
        let url = |path: &str| lab.url(path);
        assert_eq!(
            hops,
            [
                (301, url("/a/"), url("/b?x=1"), 1),
                (302, url("/b?x=1"), url("/c"), 2)
            ]
        );
        assert!(response.hops()[1].connection.reused);
        assert_eq!(response.connection().requests, 3);
        assert_eq!(response.hops()[0].connection.id, response.connection().id);
        assert_eq!(response.text().await.expect("a body"), "there");
        assert_eq!(lines(&lab), ["GET /a/ 0", "GET /b?x=1 0", "GET /c 0"]);
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.requests), (1, 3));
    })
    .await;
}

fn of_hop(hop: &Hop) -> (u16, String, String, u64) {
    let (url, to) = (hop.url.to_string(), hop.to.to_string());
    (hop.status.as_u16(), url, to, hop.connection.requests)
}

#[tokio::test]
async fn each_hop_shows_its_fields_and_keeps_them_out_of_logs() {
    bounded(async {
        let login = "HTTP/1.1 303 See Other\r\nLocation: /home\r\nSet-Cookie: session=secret\r\n\
            Set-Cookie: theme=dark\r\nContent-Length: 0\r\n\r\n";
        let lab = lab(Script::new()
            .answer(login)
            .answer(to(302, "/there"))
            .answer(ok("in")))
        .await;
        let call = following(5).post(lab.url("/login")).send();
        let response = call.await.expect("an answer");
        let [first, second] = response.hops() else {
            panic!("{:?}", response.hops());
        };
        let cookies: Vec<_> = first.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["session=secret", "theme=dark"]);
        assert_eq!(second.headers()["location"], "/there");
        assert!(!response.headers().contains_key("set-cookie"));
        assert!(!format!("{:?}", response.hops()).contains("secret"));
    })
    .await;
}

/// The body of a redirect is read to its end, so that its connection carries the next hop.
#[tokio::test]
async fn b10_a_redirect_body_is_drained_and_its_connection_used_again() {
    bounded(async {
        let long = "x".repeat(100_000);
        let head = "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 100000\r\n\r\n";
        let chunked = "HTTP/1.1 302 Found\r\nLocation: /last\r\nTransfer-Encoding: chunked\r\n\r\n";
        let script = Script::new()
            .read_request()
            .send(head)
            .send(long)
            .read_request()
            .send(chunked)
            .send("5\r\nhello\r\n")
            .send("0\r\n\r\n")
            .answer(ok("there"));
        let lab = lab(script).await;
        let client = build(
            Client::builder()
                .redirects(Redirects::up_to(5))
                .drain_time(LONG),
        );
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        assert_eq!(response.connection().requests, 3);
        assert_eq!(response.text().await.expect("a body"), "there");
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// A redirect whose body does not end costs its connection after `drain_time`, and nothing else.
#[tokio::test]
async fn a_redirect_body_that_stalls_is_given_up() {
    bounded(async {
        let stalls = Script::new()
            .read_request()
            .send("HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 5\r\n\r\nhe")
            .stall();
        let lab = Lab::start([stalls, answering(ok("there"))]).await;
        let client = following(5);
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        assert_ne!(response.hops()[0].connection.id, response.connection().id);
        assert_eq!(response.text().await.expect("a body"), "there");
        let counts = settle(&client, |now| now.active == 0).await;
        assert_eq!(counts.closed_as("body-not-read"), 1, "{counts:?}");
    })
    .await;
}

#[tokio::test]
async fn a_post_becomes_a_get_without_body_or_its_fields() {
    bounded(async {
        for status in [301, 302, 303] {
            let lab = lab(Script::new()
                .answer(to(status, "/next"))
                .answer(ok("there")))
            .await;
            let call = following(1).post(lab.url("/")).body("an order");
            let call = call
                .header(CONTENT_TYPE, "text/plain")
                .header("x-kept", "1");
            call.send().await.expect("an answer");
            assert_eq!(lines(&lab), ["POST / 8", "GET /next 0"], "{status}");
            let last = &seen(&lab)[1];
            for gone in [
                "content-type",
                "content-length",
                "transfer-encoding",
                "expect",
            ] {
                assert_eq!(last.header(gone), None, "{gone}");
            }
            assert_eq!(last.header("x-kept"), Some("1"));
        }
    })
    .await;
}

/// Go 61 RedirectGetBody: a body that can be made again survives a 307 and arrives twice.
/// Same as Go.
#[tokio::test]
async fn c061_a_body_that_can_be_made_again_survives_redirects() {
    bounded(async {
        for status in [307, 308] {
            let make = || RequestBody::replayable(|| Full::new(Bytes::from_static(b"an order")));
            for body in [RequestBody::from("an order"), make()] {
                let script = Script::new()
                    .answer(to(status, "/2"))
                    .answer(to(status, "/3"))
                    .answer(ok("there"));
                let lab = lab(script).await;
                let call = following(2).post(lab.url("/1")).body(body);
                let call = call.header(CONTENT_TYPE, "text/plain");
                assert_eq!(call.send().await.expect("an answer").status(), 200);
                assert_eq!(lines(&lab), ["POST /1 8", "POST /2 8", "POST /3 8"]);
                for request in seen(&lab) {
                    assert_eq!(request.body, b"an order");
                    assert_eq!(request.header("content-type"), Some("text/plain"));
                    assert_eq!(request.header("content-length"), Some("8"));
                }
            }
        }
    })
    .await;
}

/// A body of unknown length goes out chunked at each hop, and a factory is asked once for each.
#[tokio::test]
async fn a_chunked_body_survives_redirects() {
    bounded(async {
        let lab = lab(Script::new().answer(to(307, "/2")).answer(ok("there"))).await;
        let body = RequestBody::replayable(|| {
            let (feed, body) = fed(None);
            feed.data("an ");
            feed.data("order");
            body
        });
        let call = following(1).put(lab.url("/1")).body(body);
        assert_eq!(call.send().await.expect("an answer").status(), 200);
        for request in seen(&lab) {
            assert_eq!(
                (request.method.as_str(), &request.body[..]),
                ("PUT", &b"an order"[..])
            );
            assert_eq!(request.header("transfer-encoding"), Some("chunked"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_redirect_that_wants_a_stream_again_is_returned() {
    bounded(async {
        let lab = lab(Script::new()
            .answer(to(307, "/next"))
            .answer(to(303, "/next"))
            .answer(ok("")))
        .await;
        let client = following(5);
        let stream = || RequestBody::stream(Full::new(Bytes::from_static(b"an order")));
        let call = client.post(lab.url("/1")).body(stream());
        let response = call.send().await.expect("an answer");
        assert_eq!(response.status(), 307);
        assert_eq!(response.not_followed(), Some(NotFollowed::BodyGone));
        assert_eq!(response.headers()["location"], "/next");
        drop(response);
        let call = client.post(lab.url("/2")).body(stream());
        let response = call.send().await.expect("an answer");
        assert_eq!(
            (response.status().as_u16(), response.not_followed()),
            (200, None)
        );
        assert_eq!(lines(&lab), ["POST /1 8", "POST /2 8", "GET /next 0"]);
    })
    .await;
}

#[tokio::test]
async fn a_head_stays_a_head() {
    bounded(async {
        for status in [301, 302, 303, 307, 308] {
            let lab = lab(Script::new().answer(to(status, "/next")).answer(ok(""))).await;
            let call = following(1).head(lab.url("/"));
            call.send().await.expect("an answer");
            assert_eq!(lines(&lab), ["HEAD / 0", "HEAD /next 0"], "{status}");
        }
    })
    .await;
}

const SECRETS: [(HeaderName, &str); 4] = [
    (AUTHORIZATION, "Bearer secret"),
    (COOKIE, "session=secret"),
    (PROXY_AUTHORIZATION, "Basic secret"),
    (HOST, "front.test"),
];

/// What is meant for one origin does not reach another one, nor the first again after the way led abroad.
#[tokio::test]
async fn credentials_stay_with_their_origin() {
    bounded(async {
        let abroad = Lab::start(Script::new()).await;
        let script = Script::new()
            .answer(to(302, "/same"))
            .answer(to(302, &abroad.url("/abroad")))
            .answer(ok("home"));
        let home = lab(script).await;
        abroad.replace(answering(to(302, &home.url("/back"))));
        let mut call = following(5)
            .get(home.url("/"))
            .header(REFERER, "http://from.test/");
        for (name, value) in SECRETS {
            call = call.header(name, value);
        }
        let response = call.header("x-kept", "1").send().await.expect("an answer");
        assert_eq!(response.text().await.expect("a body"), "home");
        let at_home = seen(&home);
        assert_eq!(lines(&home), ["GET / 0", "GET /same 0", "GET /back 0"]);
        for (name, value) in SECRETS {
            for request in &at_home[..2] {
                assert_eq!(request.header(name.as_str()), Some(value));
            }
            let there = &seen(&abroad)[0];
            for request in [there, &at_home[2]] {
                assert_ne!(
                    request.header(name.as_str()),
                    Some(value),
                    "{}",
                    request.target
                );
                assert_eq!(request.header("x-kept"), Some("1"));
            }
        }
        assert_eq!(
            seen(&abroad)[0].header("host"),
            Some(abroad.addr().to_string().as_str())
        );
    })
    .await;
}

#[tokio::test]
async fn credentials_of_the_url_are_sent_and_shown_nowhere() {
    bounded(async {
        let lab = lab(Script::new().answer(to(302, "/next")).answer(ok(""))).await;
        let url = lab.url("/").replace("http://", "http://user:secret@");
        let response = following(1).get(url).send().await.expect("an answer");
        let shown = format!("{response:?} {:?}", response.hops());
        assert!(
            !shown.contains("secret") && !shown.contains("dXNlcjpzZWNyZXQ"),
            "{shown}"
        );
        assert_eq!(response.hops()[0].url.to_string(), lab.url("/"));
        for request in seen(&lab) {
            assert_eq!(
                request.header("authorization"),
                Some("Basic dXNlcjpzZWNyZXQ=")
            );
        }
    })
    .await;
}

#[tokio::test]
async fn no_referer_is_made_up() {
    bounded(async {
        let lab = lab(Script::new().answer(to(302, "/next")).answer(ok(""))).await;
        following(1)
            .get(lab.url("/"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(seen(&lab)[1].header("referer"), None);
    })
    .await;
}

#[tokio::test]
async fn a_loop_ends_at_the_limit() {
    bounded(async {
        let lab = lab(answering(to(302, "/again"))).await;
        for limit in [0, 1, 10] {
            let before = lines(&lab).len();
            let error = following(limit)
                .get(lab.url("/"))
                .send()
                .await
                .expect_err("a loop");
            assert_eq!(
                (error.kind(), error.limit()),
                (ErrorKind::Limit, Some(Limit::Redirects))
            );
            assert_eq!(lines(&lab).len() - before, limit + 1);
            assert_eq!(error.redirects(), limit + 1);
            assert!(!error.is_safe_to_retry());
            let text = error.to_string();
            assert!(
                text.starts_with(&format!("more than {limit} redirects: http://")),
                "{text}"
            );
            assert!(text.ends_with("/again"), "{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_leads_nowhere_is_returned_with_its_reason() {
    bounded(async {
        let lab = lab(Script::new()
            .answer("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")
            .answer(to(302, "http://["))
            .answer(to(302, "ftp://a.test/"))
            .answer("HTTP/1.1 304 Not Modified\r\nLocation: /x\r\n\r\n"))
        .await;
        let client = following(1);
        for (status, why) in [
            (302, Some(NotFollowed::NoLocation)),
            (302, Some(NotFollowed::MalformedLocation)),
            (302, Some(NotFollowed::OtherScheme)),
            (304, None),
        ] {
            let response = client.get(lab.url("/")).send().await.expect("an answer");
            assert_eq!(
                (response.status().as_u16(), response.not_followed()),
                (status, why)
            );
            assert!(response.hops().is_empty());
        }
    })
    .await;
}

/// A later hop that fails: the first was answered, so the call is not safe to repeat although nothing of this hop was
/// written.
#[tokio::test]
async fn a_hop_that_cannot_be_reached_is_no_safe_failure() {
    bounded(async {
        let nobody = Lab::start(keepwarm_lab::scenario::refuse()).await;
        let lab = lab(answering(to(307, &nobody.url("/")))).await;
        let call = following(1).post(lab.url("/")).body("an order");
        let error = call.send().await.expect_err("nobody listens");
        assert!(error.is_connect(), "{error:?}");
        assert_eq!((error.bytes_written(), error.redirects()), (0, 1));
        assert!(!error.is_safe_to_retry());
    })
    .await;
}

/// Go 79 ClientTimeout: the time for the whole call spans redirects and the body that follows.
/// Same as Go.
#[tokio::test]
async fn c079_the_total_timeout_spans_all_hops_and_the_body() {
    bounded(async {
        let script = Script::new()
            .answer(to(302, "/slow"))
            .read_request()
            .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
            .stall();
        let lab = lab(script).await;
        let client = build(
            Client::builder()
                .redirects(Redirects::up_to(1))
                .total_timeout(Duration::from_millis(300)),
        );
        let response = client.get(lab.url("/")).send().await.expect("a head");
        assert_eq!(response.hops().len(), 1);
        let error = response.bytes().await.expect_err("the rest never comes");
        assert_timeout(&error, Limit::Total, Phase::Receive);
    })
    .await;
}

/// Hops that each take less than the limit, and together more.
#[tokio::test]
async fn slow_hops_add_up_to_the_total_timeout() {
    bounded(async {
        let hop = Script::new()
            .read_request()
            .delay(Duration::from_millis(40))
            .send(to(302, "/again"));
        let lab = lab(Script::new().forever(hop)).await;
        let call = following(1000)
            .get(lab.url("/"))
            .timeout(Duration::from_millis(200));
        let error = call.send().await.expect_err("it never ends");
        assert_eq!(
            (error.kind(), error.limit()),
            (ErrorKind::Timeout, Some(Limit::Total))
        );
        let hops = lines(&lab).len();
        assert!((2..=6).contains(&hops), "{hops}");
        assert_eq!(error.redirects(), hops - 1);
    })
    .await;
}

#[derive(Default)]
struct Calls(Mutex<Vec<&'static str>>);

impl Observer for Calls {
    fn on_event(&self, event: &Event) {
        let name = match &event.kind {
            EventKind::CallStarted { .. } => "started",
            EventKind::CallEnded { .. } => "ended",
            _ => return,
        };
        self.0.lock().expect("no panic").push(name);
    }
}

#[tokio::test]
async fn each_hop_is_a_call_of_its_own_for_the_observer() {
    bounded(async {
        let lab = lab(Script::new().answer(to(302, "/next")).answer(ok("there"))).await;
        let calls = Arc::new(Calls::default());
        let observer: Arc<Calls> = Arc::clone(&calls);
        let client = build(
            Client::builder()
                .redirects(Redirects::up_to(1))
                .observer(observer),
        );
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        response.bytes().await.expect("a body");
        let calls = calls.0.lock().expect("no panic").clone();
        assert_eq!(calls, ["started", "ended", "started", "ended"]);
    })
    .await;
}

/// The setting holds for the tower face too, and the hops are among the extensions.
#[tokio::test]
async fn the_tower_face_follows_as_the_client_is_set() {
    bounded(async {
        let lab = lab(Script::new().answer(to(302, "/next")).answer(ok("there"))).await;
        let mut client = following(1);
        let request = http::Request::builder()
            .method(Method::GET)
            .uri(lab.url("/"))
            .body(Full::new(Bytes::new()))
            .expect("a request");
        let call = tower_service::Service::call(&mut client, request);
        let response = call.await.expect("an answer");
        assert_eq!(response.status(), 200);
        let hops = response.extensions().get::<Arc<[Hop]>>().expect("hops");
        assert_eq!((hops.len(), hops[0].to.to_string()), (1, lab.url("/next")));
    })
    .await;
}
