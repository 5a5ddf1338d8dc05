//! `Target`: what is examined.
//!
//! Owns the parts of its URL and the path that surely does not exist. Refuses to resolve names.

use std::fmt;

use http::Uri;
use keepwarm_core::origin::{Origin, OriginError, Scheme};

/// What is examined: one URL.
#[derive(Clone, Debug)]
pub struct Target {
    uri: Uri,
    origin: Origin,
    http2_only: bool,
}

/// A URL that cannot be examined.
#[derive(Clone, Debug)]
pub struct NotATarget(OriginError);

impl fmt::Display for NotATarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotATarget {}

impl Target {
    /// The target of an absolute URL.
    ///
    /// # Errors
    /// When it is not absolute, neither `http` nor `https`, or holds user information: no credentials are sent.
    pub fn of(uri: &Uri) -> Result<Self, NotATarget> {
        Ok(Self {
            uri: uri.clone(),
            origin: Origin::of(uri).map_err(NotATarget)?,
            http2_only: false,
        })
    }

    /// The same, spoken to with HTTP/2 and nothing else: on `http` without asking first. Without this, HTTP/1.1 is
    /// examined, and HTTP/2 beside it when an `https` server chooses it.
    #[must_use]
    pub fn http2_only(mut self) -> Self {
        self.http2_only = true;
        self
    }

    pub(crate) fn is_http2_only(&self) -> bool {
        self.http2_only
    }

    /// The URL.
    pub fn url(&self) -> String {
        self.uri.to_string()
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The host, an IPv6 address without its brackets.
    pub(crate) fn host(&self) -> &str {
        self.origin.host().trim_matches(['[', ']'])
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn port(&self) -> u16 {
        self.origin.port()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.origin.scheme() == Scheme::Https
    }

    /// Host and port as in the `Host` field.
    pub(crate) fn authority(&self) -> &str {
        self.uri
            .authority()
            .map_or("", |authority| authority.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        if path.is_empty() { "/" } else { path }
    }

    /// Whether it is on this machine: then a second address that does not answer is no news.
    pub(crate) fn is_loopback(&self) -> bool {
        let address = self.host().parse::<std::net::IpAddr>();
        self.host() == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::of(&url.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_url_has_a_host_a_port_and_a_path() {
        let it = target("https://[::1]:8443/a?b=c");
        assert_eq!((it.host(), it.port(), it.is_https()), ("::1", 8443, true));
        assert_eq!((it.authority(), it.path()), ("[::1]:8443", "/a?b=c"));
        assert!(it.is_loopback());
        let it = target("http://a.test");
        assert_eq!((it.port(), it.path()), (80, "/"));
        assert!(!it.is_loopback());
    }

    #[test]
    fn what_is_no_url_of_http_is_no_target() {
        for url in ["ftp://a.test/", "/path", "http://me:secret@a.test/"] {
            assert!(Target::of(&url.parse().unwrap()).is_err(), "{url}");
        }
    }
}
