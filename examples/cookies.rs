//! A cookie jar as a layer over keepwarm, with the rules of RFC 6265 from the crate `cookie_store`.
//!
//! `cargo run -p keepwarm-examples --example cookies`
//!
//! The jar stands below the layer that follows redirects, so that it sees every answer on the way: the cookie that a
//! login sets with its redirect is there when the next page is asked for. (keepwarm's own `Redirects` follow inside
//! the client; above it a jar sees what each hop set, with `Hop::headers`, but cannot add to the next one.)

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use cookie_store::{CookieStore, RawCookie};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use keepwarm::{Body, Client};
use tokio::net::TcpListener;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
use tower_http::follow_redirect::FollowRedirectLayer;
use url::Url;

/// Adds the cookies that belong to a URL to each request, and keeps those that an answer sets.
#[derive(Clone)]
struct Jar<S> {
    inner: S,
    cookies: Arc<Mutex<CookieStore>>,
}

impl<S> Jar<S> {
    fn new(inner: S) -> Self {
        Self {
            inner,
            cookies: Arc::default(),
        }
    }

    /// The value of `Cookie` for this URL; none when no cookie belongs to it.
    fn of(&self, url: &Url) -> Option<HeaderValue> {
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs: Vec<String> = cookies
            .get_request_values(url)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let mut value = HeaderValue::from_str(&pairs.join("; ")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

fn keep(cookies: &Mutex<CookieStore>, url: &Url, headers: &HeaderMap) {
    let set = headers.get_all(SET_COOKIE).iter();
    // What is no cookie is passed over (RFC 6265 §5.2).
    let set = set.filter_map(|value| RawCookie::parse(value.to_str().ok()?.to_owned()).ok());
    let mut cookies = cookies.lock().unwrap_or_else(PoisonError::into_inner);
    cookies.store_response_cookies(set, url);
}

impl<S, B, R> Service<Request<B>> for Jar<S>
where
    S: Service<Request<B>, Response = http::Response<R>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = http::Response<R>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let url = match Url::parse(&request.uri().to_string()) {
            Ok(url) => url,
            Err(error) => return Box::pin(async move { Err(error.into()) }),
        };
        if let Some(value) = self.of(&url) {
            request.headers_mut().insert(COOKIE, value);
        }
        let answer = self.inner.call(request);
        let cookies = Arc::clone(&self.cookies);
        Box::pin(async move {
            let response = answer.await.map_err(Into::into)?;
            keep(&cookies, &url, response.headers());
            Ok(response)
        })
    }
}

/// The server: who has logged in is greeted. The cookie is for `/private` alone.
fn site() -> Router {
    let private = async |headers: HeaderMap| match cookie(&headers) {
        Some(session) => {
            format!("hello, {}", session.trim_start_matches("session=")).into_response()
        }
        None => (StatusCode::UNAUTHORIZED, "who are you?").into_response(),
    };
    let login = async |name: String| -> Response {
        let set = format!("session={name}; Path=/private; HttpOnly");
        ([(SET_COOKIE, set)], Redirect::to("/private")).into_response()
    };
    let elsewhere = async |headers: HeaderMap| cookie(&headers).unwrap_or("no cookie".to_owned());
    Router::new()
        .route("/private", get(private))
        .route("/login", post(login))
        .route("/elsewhere", get(elsewhere))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(COOKIE)?.to_str().ok()?.to_owned())
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The status before the login.
    pub(crate) before: u16,
    /// The page that the login led to.
    pub(crate) after: String,
    /// What a page saw that the cookie is not for.
    pub(crate) elsewhere: String,
    /// Connections that were opened.
    pub(crate) opened: u64,
}

pub(crate) async fn run() -> Result<Outcome, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(axum::serve(listener, site()).into_future());

    let client = Client::new();
    let browser = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer_fn(Jar::new)
        .service(client.clone());

    let ask = async |request: http::request::Builder, body: &'static str| {
        let request = request.body(Full::new(Bytes::from_static(body.as_bytes())))?;
        read(browser.clone().oneshot(request).await?).await
    };
    let (before, _) = ask(Request::get(format!("{url}/private")), "").await?;
    let (_, after) = ask(Request::post(format!("{url}/login")), "ferris").await?;
    let (_, elsewhere) = ask(Request::get(format!("{url}/elsewhere")), "").await?;

    let opened = client.stats().total().opened;
    server.abort();
    Ok(Outcome {
        before,
        after,
        elsewhere,
        opened,
    })
}

async fn read(response: http::Response<Body>) -> Result<(u16, String), BoxError> {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8(body.to_vec())?))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let outcome = run().await?;
    println!("before the login: {}", outcome.before);
    println!("where the login led to: {:?}", outcome.after);
    println!("where the cookie does not belong: {:?}", outcome.elsewhere);
    println!("connections: {}", outcome.opened);
    Ok(())
}
