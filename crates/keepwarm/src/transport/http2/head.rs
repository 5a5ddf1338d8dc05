//! The head of a request as HTTP/2 has it.
//!
//! Owns which fields go along (RFC 9113 §8.2.2, §8.3.1). Refuses to send it.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use keepwarm_core::h1::BodyLength;

use crate::error::{Error, Result};

/// Fields that speak of one HTTP/1.1 connection. `Host` goes into `:authority`.
const OF_A_CONNECTION: [HeaderName; 6] = [
    CONNECTION,
    HOST,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The request as the `h2` crate takes it.
pub(in super::super) fn request(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    length: BodyLength,
    user_agent: Option<&str>,
) -> Result<Request<()>> {
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = target(uri, headers)?;
    let fields = request.headers_mut();
    let named = named_by_connection(headers);
    for (name, value) in headers {
        if OF_A_CONNECTION.contains(name) || *name == CONTENT_LENGTH || named.contains(name) {
            continue;
        }
        //= RFC 9113 §8.2.2: TE may say "trailers" and nothing else.
        if *name == TE && !value.as_bytes().eq_ignore_ascii_case(b"trailers") {
            continue;
        }
        //= RFC 9110 §10.1.1: a request without content must not expect 100.
        if *name == EXPECT && length == BodyLength::Empty {
            continue;
        }
        fields.append(name.clone(), value.clone());
    }
    if let Some(user_agent) = user_agent
        && !fields.contains_key(USER_AGENT)
        && let Ok(value) = HeaderValue::from_str(user_agent)
    {
        fields.insert(USER_AGENT, value);
    }
    let expects_body = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    match length {
        BodyLength::Known(bytes) => drop(fields.insert(CONTENT_LENGTH, bytes.into())),
        BodyLength::Empty if expects_body => drop(fields.insert(CONTENT_LENGTH, 0.into())),
        BodyLength::Empty | BodyLength::Chunked => {}
    }
    Ok(request)
}

/// `:scheme`, `:authority` and `:path`. A `Host` of the caller's own is the authority.
fn target(uri: &Uri, headers: &HeaderMap) -> Result<Uri> {
    let malformed = |what: &str| Error::usage(format!("the {what} is malformed"));
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(uri.scheme().cloned().unwrap_or(Scheme::HTTPS));
    parts.authority = match headers.get(HOST) {
        Some(host) => Some(
            Authority::try_from(host.as_bytes()).map_err(|_| malformed("value of header host"))?,
        ),
        None => uri.authority().cloned(),
    };
    let path = uri.path_and_query().cloned();
    //= RFC 9113 §8.3.1: an empty path is sent as "/".
    parts.path_and_query = Some(match path {
        Some(path) if path.as_str().starts_with('?') => {
            PathAndQuery::try_from(format!("/{path}")).map_err(|_| malformed("URL"))?
        }
        Some(path) => path,
        None => PathAndQuery::from_static("/"),
    });
    Uri::from_parts(parts).map_err(|_| malformed("URL"))
}

/// Fields that `Connection` says are for the connection only (RFC 9110 §7.6.1).
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect()
}

/// About how many bytes of the connection the head takes, before compression.
pub(super) fn size(request: &Request<()>) -> u64 {
    const AFTER_SCHEME: usize = "://".len();
    let uri = request.uri();
    let scheme = uri.scheme_str().map_or(0, |it| it.len() + AFTER_SCHEME);
    let authority = uri.authority().map_or(0, |it| it.as_str().len());
    let path = uri.path_and_query().map_or(0, |it| it.as_str().len());
    let target = scheme + authority + path;
    (request.method().as_str().len() + target + bytes_of(request.headers())) as u64
}

/// Bytes of the names and values.
pub(super) fn bytes_of(fields: &HeaderMap) -> usize {
    let fields = fields.iter();
    fields
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(uri: &'static str, headers: &[(&'static str, &'static str)]) -> Request<()> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let uri = Uri::from_static(uri);
        request(&Method::GET, &uri, &map, BodyLength::Empty, Some("test")).expect("a request")
    }

    #[test]
    fn fields_of_a_connection_stay_behind() {
        let request = made(
            "https://a.example/x?y",
            &[
                ("connection", "close, x-secret"),
                ("x-secret", "1"),
                ("keep-alive", "timeout=5"),
                ("upgrade", "websocket"),
                ("te", "gzip"),
                ("te", "trailers"),
                ("x-kept", "1"),
            ],
        );
        let names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["te", "x-kept", "user-agent"]);
        assert_eq!(request.headers().get_all("te").iter().count(), 1);
        assert_eq!(request.uri(), "https://a.example/x?y");
    }

    #[test]
    fn a_host_of_the_callers_own_is_the_authority() {
        let request = made("https://10.0.0.1/", &[("host", "b.example:8443")]);
        assert_eq!(request.uri(), "https://b.example:8443/");
        assert!(!request.headers().contains_key("host"));
    }
}
