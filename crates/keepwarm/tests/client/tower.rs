//! The client as a `tower_service::Service`.

use std::future::poll_fn;

use crate::common::{assert_quiet, bounded, fed};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use keepwarm::{Body, BoxError, Client, Error, ErrorKind, Upgraded};
use keepwarm_lab::{Lab, scenario};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_service::Service;

/// Calls any service of this shape: what a generic layer can rely on.
async fn through<S, B>(service: &mut S, request: Request<B>) -> Result<Response<Body>, Error>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Error>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}

fn request<B>(method: Method, uri: String, body: B) -> Request<B> {
    let built = Request::builder().method(method).uri(uri);
    built
        .header("x-from", "tower")
        .body(body)
        .expect("a request")
}

#[tokio::test]
async fn an_empty_body_is_no_body() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let mut client = Client::new();
        let empty = request(Method::GET, lab.url("/"), Empty::<Bytes>::new());
        let response = through(&mut client, empty).await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-length"], "13");
        let body = response.into_body().collect().await.expect("a body");
        assert_eq!(body.to_bytes(), "hello, world\n");
        let seen = lab.transcript().request(1, 1).clone();
        assert_eq!(seen.header("x-from"), Some("tower"));
        assert_eq!(seen.header("content-length"), None);
        assert_eq!(seen.header("transfer-encoding"), None);
    })
    .await;
}

#[tokio::test]
async fn full_and_streamed_bodies_arrive() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let mut client = Client::new();
        let full = Full::new(Bytes::from_static(b"all of it"));
        let full = request(Method::POST, lab.url("/echo"), full);
        let response = through(&mut client, full).await.expect("an answer");
        let body = response.into_body().collect().await.expect("a body");
        assert_eq!(body.to_bytes(), "all of it");
        let (feed, stream) = fed(None);
        feed.data("piece ");
        feed.data("by piece");
        drop(feed);
        let streamed = request(Method::PUT, lab.url("/echo"), stream);
        let response = through(&mut client, streamed).await.expect("an answer");
        let body = response.into_body().collect().await.expect("a body");
        assert_eq!(body.to_bytes(), "piece by piece");
        let transcript = lab.transcript();
        assert_eq!(transcript.request(1, 1).header("content-length"), Some("9"));
        let second = transcript.request(1, 2);
        assert_eq!(second.header("transfer-encoding"), Some("chunked"));
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn the_response_tells_of_its_connection() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let mut client = Client::new();
        for round in 1..=3_u64 {
            let empty = request(Method::GET, lab.url("/"), Empty::<Bytes>::new());
            let response = through(&mut client, empty).await.expect("an answer");
            let body = response.into_body();
            let info = body.connection().clone();
            assert_eq!((info.id.0, info.requests), (1, round));
            assert_eq!(info.reused, round > 1);
            assert_eq!(info.miss.is_some(), round == 1);
            assert_eq!(info.idle.is_some(), round > 1);
            assert_eq!(info.remote(), Some(lab.addr()));
            assert!(info.local().is_some());
            assert!(body.retries().is_empty());
            assert!(body.reuse().expect("a verdict").is_keep());
            assert!(body.timings().receive.is_some());
            assert_eq!(body.timings().connect.is_some(), round == 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_can_be_the_body_of_the_next_request() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let mut client = Client::new();
        let empty = request(
            Method::GET,
            lab.url("/bytes/3000000"),
            Empty::<Bytes>::new(),
        );
        let first = through(&mut client, empty).await.expect("an answer");
        let forwarded = request(Method::POST, lab.url("/echo"), first.into_body());
        let response = through(&mut client, forwarded).await.expect("an answer");
        let body = response.into_body().collect().await.expect("a body");
        assert!(body.to_bytes() == keepwarm_lab::alphabet(0, 3_000_000));
        let seen = lab.transcript().request(2, 1).clone();
        assert_eq!(seen.header("content-length"), Some("3000000"));
        assert_eq!(assert_quiet(&client).idle, 2);
    })
    .await;
}

#[tokio::test]
async fn an_upgraded_connection_is_in_the_extensions() {
    bounded(async {
        let lab = Lab::start(scenario::upgrade("echo")).await;
        let mut client = Client::new();
        let mut asking = request(Method::GET, lab.url("/"), Empty::<Bytes>::new());
        let headers = asking.headers_mut();
        headers.insert("connection", "upgrade".parse().expect("a value"));
        headers.insert("upgrade", "echo".parse().expect("a value"));
        let response = through(&mut client, asking).await.expect("a switch");
        assert_eq!(response.status(), 101);
        type Shared = std::sync::Arc<std::sync::Mutex<Option<Upgraded>>>;
        let shared = response.extensions().get::<Shared>().expect("it").clone();
        let taken = shared.lock().expect("no panic").take();
        let mut upgraded = taken.expect("the connection");
        upgraded.write_all(b"ping").await.expect("it is open");
        let mut back = [0; 4];
        upgraded.read_exact(&mut back).await.expect("an echo");
        assert_eq!(&back, b"ping");
    })
    .await;
}

#[tokio::test]
async fn errors_are_those_of_the_client() {
    bounded(async {
        let mut client = Client::new();
        let nowhere = request(
            Method::GET,
            "/only/a/path".to_owned(),
            Empty::<Bytes>::new(),
        );
        let error = through(&mut client, nowhere).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let lab = Lab::start(scenario::refuse()).await;
        let refused = request(Method::GET, lab.url("/"), Empty::<Bytes>::new());
        let error = through(&mut client, refused).await.unwrap_err();
        assert!(error.is_connect() && error.is_safe_to_retry());
        assert_quiet(&client);
    })
    .await;
}
