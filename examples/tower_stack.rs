//! A stack of tower's layers over keepwarm: at most so many calls at once, a time limit for each attempt, and another
//! attempt when the server is overloaded or too slow.
//!
//! `cargo run -p keepwarm-examples --example tower_stack`
//!
//! What keepwarm sends again by itself is what no server has seen. Whether to repeat what a server has answered with
//! 503 is the caller's business, and tower has the words for it. The connection that carried a refusal serves the next
//! attempt; the one of the call that was given up cannot, and the pool says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use keepwarm::{Body, Client};
use tokio::net::TcpListener;
use tower::retry::Policy;
use tower::timeout::error::Elapsed;
use tower::{BoxError, ServiceBuilder, ServiceExt};

/// Again after 503 and after the time limit, for as long as attempts are left. What has a body that can be read only
/// once could not be cloned; an empty one can.
#[derive(Clone)]
struct Again {
    left: usize,
    pause: Duration,
}

type Call = Request<Empty<Bytes>>;
type Answer = Result<http::Response<Body>, BoxError>;

impl Policy<Call, http::Response<Body>, BoxError> for Again {
    type Future = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

    fn retry(&mut self, _: &mut Call, answer: &mut Answer) -> Option<Self::Future> {
        let why = match answer {
            Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
                "503".to_owned()
            }
            Err(error) if error.is::<Elapsed>() => error.to_string(),
            Ok(_) | Err(_) => return None,
        };
        self.left = self.left.checked_sub(1)?;
        self.pause *= 2;
        println!("{why}: again in {:?}", self.pause);
        Some(Box::pin(tokio::time::sleep(self.pause)))
    }

    fn clone_request(&mut self, call: &Call) -> Option<Call> {
        Some(call.clone())
    }
}

/// The server: overloaded twice, silent once, then well.
async fn moody(attempts: &AtomicUsize) -> Response {
    match attempts.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => (StatusCode::SERVICE_UNAVAILABLE, "too much to do").into_response(),
        2 => std::future::pending().await,
        _ => "at last".into_response(),
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) body: String,
    /// Requests that reached the server.
    pub(crate) attempts: usize,
    /// Connections they took.
    pub(crate) opened: u64,
    /// Connections closed because the call was given up.
    pub(crate) cancelled: u64,
}

pub(crate) async fn run() -> Result<Outcome, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    let router = Router::new().route("/", get(async move || moody(&counted).await));
    let server = tokio::spawn(axum::serve(listener, router).into_future());

    let client = Client::new();
    let again = Again {
        left: 5,
        pause: Duration::from_millis(5),
    };
    let stack = ServiceBuilder::new()
        .concurrency_limit(64)
        .retry(again)
        .timeout(Duration::from_secs(1))
        .service(client.clone());

    let call = Request::get(url).body(Empty::new())?;
    let response = stack.oneshot(call).await?;
    println!("{} on {}", response.status(), response.body().connection());
    let body = response.into_body().collect().await?.to_bytes();

    let stats = client.stats();
    for end in stats.closed() {
        println!("closed: {} × {}", end.count, end.reason);
    }
    server.abort();
    Ok(Outcome {
        body: String::from_utf8(body.to_vec())?,
        attempts: attempts.load(Ordering::SeqCst),
        opened: stats.total().opened,
        cancelled: stats.total().closed_as("cancelled"),
    })
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let outcome = run().await?;
    println!(
        "{:?} after {} attempts on {} connections, {} of them cancelled",
        outcome.body, outcome.attempts, outcome.opened, outcome.cancelled
    );
    Ok(())
}
