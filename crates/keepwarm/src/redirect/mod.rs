//! Redirects: whether an answer leads on, and where to.
//!
//! Owns the rules (RFC 9110 §15.4, and what Go and browsers do where it leaves room), as one pure function. Refuses to
//! send anything: [`following`] does.

pub(crate) mod following;

use std::fmt;

use http::header::LOCATION;
use http::{HeaderMap, Method, StatusCode, Uri};
use keepwarm_core::origin::Origin;
use url::Url;

use crate::target;
use crate::transport::info::{ConnectionInfo, Timings};

/// Whether redirects are followed, and how far.
///
/// The default is [`Redirects::none`]: a redirect is an answer like another. That is what a transport does (Go's
/// `http.Transport` too; Go's `http.Client` follows 10).
///
/// When they are followed: 303 leads on with `GET` (a `HEAD` stays one), and 301 and 302 do when the request was a
/// `POST`; all else is sent again as it was, its body too, if it can be sent again. `Authorization`, `Cookie`,
/// `Proxy-Authorization` and `Host` are not sent to another origin (scheme, host or port), nor after coming back from
/// one. `Referer` is not added, user information in a `Location` is not used. From https to http nothing is followed
/// unless [`Redirects::https_to_http`] allows it. What is not followed is returned, with the reason
/// ([`crate::Response::not_followed`]); only the limit is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redirects {
    limit: Option<usize>,
    https_to_http: bool,
}

impl Redirects {
    /// None is followed.
    pub const fn none() -> Self {
        Self {
            limit: None,
            https_to_http: false,
        }
    }

    /// So many are followed; one more is an error that names the limit `redirects`. With 0 the first is.
    pub const fn up_to(limit: usize) -> Self {
        Self {
            limit: Some(limit),
            https_to_http: false,
        }
    }

    /// Whether to follow from https to http too, where anybody on the way can read and change all. Default false.
    #[must_use]
    pub const fn https_to_http(mut self, allowed: bool) -> Self {
        self.https_to_http = allowed;
        self
    }

    pub(crate) fn limit(self) -> Option<usize> {
        self.limit
    }
}

/// An answer on the way that was a redirect, and was followed.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hop {
    /// The method of the request it answered.
    pub method: Method,
    /// The URL that was asked, without user information and fragment.
    pub url: Uri,
    /// Its status.
    pub status: StatusCode,
    /// Where it led to: the URL that was asked next.
    pub to: Uri,
    /// The connection that carried it.
    pub connection: ConnectionInfo,
    /// How long its phases took, up to its head.
    pub timings: Timings,
    headers: HeaderMap,
}

impl Hop {
    /// The header fields of the redirect itself, such as the `Set-Cookie` of a login. `Debug` does not show them.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("status", &self.status)
            .field("to", &self.to)
            .field("connection", &self.connection)
            .field("timings", &self.timings)
            .finish_non_exhaustive()
    }
}

/// Why a redirect was not followed although redirects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotFollowed {
    /// It asks for the body again, which was a stream and is gone. [`crate::RequestBody::replayable`] can be sent
    /// again.
    BodyGone,
    /// It leads from https to http, which was not allowed.
    HttpsToHttp,
    /// Its `Location` is no URL.
    MalformedLocation,
    /// It has no `Location`.
    NoLocation,
    /// It leads to a scheme that is neither http nor https.
    OtherScheme,
}

impl NotFollowed {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::BodyGone => "body-gone",
            Self::HttpsToHttp => "https-to-http",
            Self::MalformedLocation => "malformed-location",
            Self::NoLocation => "no-location",
            Self::OtherScheme => "other-scheme",
        }
    }
}

impl fmt::Display for NotFollowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BodyGone => {
                "the redirect asks for the request's body again, which cannot be sent twice"
            }
            Self::HttpsToHttp => "the redirect leads from https to http",
            Self::MalformedLocation => "the redirect's Location is no URL",
            Self::NoLocation => "the redirect has no Location",
            Self::OtherScheme => "the redirect leads to a scheme that is neither http nor https",
        })
    }
}

/// The request that was answered, as far as redirects care.
struct Asked<'a> {
    method: &'a Method,
    uri: &'a Uri,
    /// Whether its body can be sent again.
    body_survives: bool,
}

/// Where a redirect leads to.
#[derive(Debug, PartialEq, Eq)]
struct Next {
    method: Method,
    uri: Uri,
    /// Whether the body goes along.
    keeps_body: bool,
    same_origin: bool,
}

/// What an answer means for the caller's request.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    /// It is the answer.
    Final,
    Follow(Next),
    Stay(NotFollowed),
}

/// Decides. Whether there have been too many is another question.
fn decide(
    redirects: Redirects,
    asked: &Asked<'_>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Meaning {
    //= RFC 9110 §15.4: 300 and 304 are no redirects to follow; 305 and 306 are dead.
    let (method, keeps_body) = match status {
        StatusCode::SEE_OTHER if *asked.method == Method::HEAD => (Method::HEAD, false),
        StatusCode::SEE_OTHER => (Method::GET, false),
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if *asked.method == Method::POST => {
            (Method::GET, false)
        }
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => (asked.method.clone(), true),
        _other => return Meaning::Final,
    };
    let Some(location) = headers.get(LOCATION) else {
        return Meaning::Stay(NotFollowed::NoLocation);
    };
    let Some(mut url) = joined(asked.uri, location.as_bytes()) else {
        return Meaning::Stay(NotFollowed::MalformedLocation);
    };
    if !["http", "https"].contains(&url.scheme()) {
        return Meaning::Stay(NotFollowed::OtherScheme);
    }
    // Credentials are the caller's to give, not a server's.
    let _none = url.set_username("");
    let _none = url.set_password(None);
    let (Ok(uri), Some(from)) = (target::to_uri(&url), Origin::of(asked.uri).ok()) else {
        return Meaning::Stay(NotFollowed::MalformedLocation);
    };
    let Ok(to) = Origin::of(&uri) else {
        return Meaning::Stay(NotFollowed::MalformedLocation);
    };
    if asked.uri.scheme_str() == Some("https") && url.scheme() == "http" && !redirects.https_to_http
    {
        return Meaning::Stay(NotFollowed::HttpsToHttp);
    }
    if keeps_body && !asked.body_survives {
        return Meaning::Stay(NotFollowed::BodyGone);
    }
    Meaning::Follow(Next {
        method,
        uri,
        keeps_body,
        same_origin: to.matches(&from.parts()),
    })
}

/// The URL that a `Location` names (RFC 9110 §10.2.2), seen from the URL that was asked.
fn joined(base: &Uri, location: &[u8]) -> Option<Url> {
    let base = Url::parse(&base.to_string()).ok()?;
    match std::str::from_utf8(location) {
        Ok(text) => base.join(text).ok(),
        // Bytes of an older encoding: they go back as they came, percent-encoded.
        Err(_latin) => {
            let text: String = location
                .iter()
                .map(|&byte| match byte {
                    0..0x80 => char::from(byte).to_string(),
                    _ => format!("%{byte:02X}"),
                })
                .collect();
            base.join(&text).ok()
        }
    }
}

#[cfg(test)]
mod tests;
