//! A service that can be watched: a gateway that forwards `/NAME/PATH` to one of its backends, and tells Prometheus at
//! `/metrics` what its connections do.
//!
//! `cargo run -p keepwarm-examples --example gateway -- 127.0.0.1:8000 orders=http://127.0.0.1:9000`
//!
//! Then `curl http://127.0.0.1:8000/orders/some/path`, and `curl http://127.0.0.1:8000/metrics`. What the numbers mean
//! is in `docs/metrics.md`; a dashboard and alert rules for them are in `deploy/`. Without arguments it starts a
//! backend of its own, sends a few requests through itself, and prints what Prometheus would read of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode, Uri};
use keepwarm::observe::Prometheus;
use keepwarm::{Client, Config};
use tokio::net::TcpListener;

/// The backends by name, one client for all of them, and its numbers.
pub(crate) struct Gateway {
    backends: BTreeMap<String, String>,
    client: Client,
    metrics: Arc<Prometheus>,
}

impl Gateway {
    /// With a client of these settings. One client for everything: each further one would have a pool of its own.
    pub(crate) fn new(
        backends: BTreeMap<String, String>,
        config: Config,
    ) -> keepwarm::Result<Self> {
        let metrics = Arc::new(Prometheus::new());
        Ok(Self {
            backends,
            client: config.observer(Arc::clone(&metrics) as _).build()?,
            metrics,
        })
    }

    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/metrics", get(metrics))
            .route("/{name}/{*path}", any(forward))
            .with_state(Arc::new(self))
    }
}

async fn metrics(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    let kind = [(CONTENT_TYPE, Prometheus::CONTENT_TYPE)];
    (kind, gateway.metrics.render())
}

async fn forward(
    State(gateway): State<Arc<Gateway>>,
    Path((name, path)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let Some(backend) = gateway.backends.get(&name) else {
        return (StatusCode::NOT_FOUND, "there is no such backend\n").into_response();
    };
    let query = uri.query().map(|query| format!("?{query}"));
    let url = format!("{backend}/{path}{}", query.unwrap_or_default());
    let mut request = gateway.client.request(method, url);
    // An empty body is none: a GET would be sent with a length.
    if !body.is_empty() {
        request = request.body(body);
    }
    match request.send().await {
        Ok(answer) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = answer.status();
            if let Some(kind) = answer.headers().get(CONTENT_TYPE) {
                response.headers_mut().insert(CONTENT_TYPE, kind.clone());
            }
            // Handed on as it comes. When our caller goes away it is dropped, and the connection's end is told.
            *response.body_mut() = Body::new(answer.into_body());
            response
        }
        Err(error) => {
            eprintln!("{name}: {error}");
            (StatusCode::BAD_GATEWAY, "the backend did not answer\n").into_response()
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What Prometheus would read.
    pub(crate) metrics: String,
}

pub(crate) async fn run() -> Result<Outcome, Box<dyn std::error::Error>> {
    let backend = TcpListener::bind("127.0.0.1:0").await?;
    let backends = [("greeter", format!("http://{}", backend.local_addr()?))];
    let greeter = Router::new().route("/{name}", get(async |Path(name): Path<String>| name));
    let greeter = tokio::spawn(axum::serve(backend, greeter).into_future());

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let backends = backends.map(|(name, url)| (name.to_owned(), url));
    let gateway = Gateway::new(BTreeMap::from(backends), Client::builder())?;
    let gateway = tokio::spawn(axum::serve(listener, gateway.router()).into_future());

    let client = Client::new();
    for _ in 0..10 {
        let response = client.get(format!("{url}/greeter/ferris")).send().await?;
        assert_eq!(response.text().await?, "ferris");
    }
    let response = client.get(format!("{url}/metrics")).send().await?;
    let metrics = response.text().await?;
    gateway.abort();
    greeter.abort();
    Ok(Outcome { metrics })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let Some(address) = words.next() else {
        let outcome = run().await?;
        let is_bucket = |line: &&str| line.contains("_bucket{") || line.starts_with('#');
        for line in outcome.metrics.lines().filter(|line| !is_bucket(line)) {
            println!("{line}");
        }
        return Ok(());
    };
    let backends = words.map(|word| match word.split_once('=') {
        Some((name, url)) => Ok((name.to_owned(), url.trim_end_matches('/').to_owned())),
        None => Err(format!("{word:?} is not NAME=URL")),
    });
    let gateway = Gateway::new(backends.collect::<Result<_, _>>()?, Config::busy())?;
    let listener = TcpListener::bind(address).await?;
    println!("http://{}/metrics", listener.local_addr()?);
    axum::serve(listener, gateway.router()).await?;
    Ok(())
}
