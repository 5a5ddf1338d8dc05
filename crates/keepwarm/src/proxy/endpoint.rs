//! `Proxy`: one proxy server, as it was configured.
//!
//! Owns the reading of its URL, its credentials and the fields of its CONNECT requests. Refuses to show credentials,
//! and to know for which origins it is used.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use http::header::{
    CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
};

use super::credentials::{Credentials, Secrets};
use super::target::Host;
use crate::error::{Error, Result};

/// The longest user name and password that SOCKS5 can carry (RFC 1929 §2).
const LONGEST_FOR_SOCKS: usize = 255;

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// HTTP over TCP. Port 80 unless named.
    Http,
    /// HTTP over TLS to the proxy; an `https` origin is then TLS in TLS. Port 443 unless named.
    Https,
    /// SOCKS5 (RFC 1928); names are resolved here. Port 1080 unless named.
    Socks5,
    /// SOCKS5; names are resolved by the proxy. Port 1080 unless named.
    Socks5h,
}

impl Scheme {
    /// As in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    /// The port of a URL that names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Http, Self::Https, Self::Socks5, Self::Socks5h];
        all.into_iter()
            .find(|scheme| scheme.as_str().eq_ignore_ascii_case(text))
    }

    fn is_socks(self) -> bool {
        match self {
            Self::Http | Self::Https => false,
            Self::Socks5 | Self::Socks5h => true,
        }
    }
}

/// One proxy server. Cheap to clone.
///
/// Equal are two that are spoken to alike: scheme, host, port, credentials and CONNECT fields. What is printed is the
/// URL without credentials, as in `http://proxy.example:3128`.
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    scheme: Scheme,
    host: String,
    port: u16,
    credentials: Option<Credentials>,
    /// Fields of CONNECT requests. `Proxy-Authorization` among them replaces the credentials.
    headers: HeaderMap,
    /// What is printed.
    via: Arc<str>,
}

impl Proxy {
    /// Reads a URL such as `http://user:password@proxy.example:3128`. Without a scheme it is `http`. Characters other
    /// than letters, digits and `-._~` in a user name or password are to be percent-encoded. A path is ignored.
    ///
    /// # Errors
    /// When the scheme is none of `http`, `https`, `socks5`, `socks5h`, or the rest is no host and port. The error
    /// does not repeat the URL, which may hold a password.
    pub fn new(url: &str) -> Result<Self> {
        let url = url.trim();
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) => (Scheme::parse(scheme).ok_or_else(unknown_scheme)?, rest),
            None => (Scheme::Http, url),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if path.contains('@') {
            return Err(Error::usage(
                "the proxy's URL has an @ behind its host: percent-encode the user name and the password",
            ));
        }
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(Credentials::of_url(user)), address),
            None => (None, authority),
        };
        let (host, port) = host_and_port(address)?;
        let host = Host::parse(host)
            .map_err(|error| Error::usage(format!("the proxy's URL: {error}")))?
            .to_string();
        let port = port.unwrap_or(scheme.default_port());
        let via = format!("{}://{host}:{port}", scheme.as_str()).into();
        let proxy = Self(Arc::new(Inner {
            scheme,
            host,
            port,
            credentials: None,
            headers: HeaderMap::new(),
            via,
        }));
        match credentials {
            Some(credentials) => proxy.with_credentials(credentials),
            None => Ok(proxy),
        }
    }

    /// The user name and the password, in place of those of the URL. An HTTP proxy gets them as `Basic`
    /// `Proxy-Authorization`, a SOCKS5 proxy as RFC 1929 says.
    ///
    /// # Errors
    /// When the protocol cannot carry them: a colon in a name for `Basic`; for SOCKS5 an empty name, or more than 255
    /// bytes.
    pub fn credentials(self, user: &str, password: &str) -> Result<Self> {
        self.with_credentials(Credentials::new(user, password))
    }

    fn with_credentials(mut self, credentials: Credentials) -> Result<Self> {
        let Credentials { user, password } = &credentials;
        if self.0.scheme.is_socks() {
            let longest = user.len().max(password.len());
            if user.is_empty() || longest > LONGEST_FOR_SOCKS {
                return Err(Error::usage(
                    "SOCKS5 takes a user name of 1 to 255 bytes and a password of up to 255",
                ));
            }
        } else if user.contains(&b':') {
            return Err(Error::usage(
                "the user name for an HTTP proxy must not hold a colon",
            ));
        }
        Arc::make_mut(&mut self.0).credentials = Some(credentials);
        Ok(self)
    }

    /// A field of the CONNECT requests to this proxy; several of one name are all sent. `Proxy-Authorization` replaces
    /// the credentials, on plain requests through the proxy too.
    ///
    /// # Errors
    /// When it is no field's name or value, a field that frames the request, or the proxy speaks SOCKS.
    pub fn connect_header(mut self, name: &str, value: &str) -> Result<Self> {
        let name = HeaderName::try_from(name)
            .map_err(|_| Error::usage("a CONNECT field's name is no header name"))?;
        if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            return Err(Error::usage(format!("{name} of a CONNECT request is ours")));
        }
        if self.0.scheme.is_socks() {
            return Err(Error::usage("a SOCKS proxy is sent no header fields"));
        }
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| Error::usage(format!("the CONNECT field {name} holds control bytes")))?;
        value.set_sensitive(name == PROXY_AUTHORIZATION);
        let headers = &mut Arc::make_mut(&mut self.0).headers;
        headers
            .try_append(name, value)
            .map_err(|_| Error::usage("too many CONNECT fields"))?;
        Ok(self)
    }

    /// How it is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// Its host, brackets of an IPv6 literal included.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// What is printed: the URL without credentials.
    pub(crate) fn via(&self) -> &Arc<str> {
        &self.0.via
    }

    /// The value of `Proxy-Authorization`; none without credentials, and for SOCKS.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        if self.0.scheme.is_socks() {
            return None;
        }
        let named = self.0.headers.get(PROXY_AUTHORIZATION).cloned();
        named.or_else(|| self.0.credentials.as_ref().map(Credentials::basic))
    }

    /// The fields of a CONNECT request, `Proxy-Authorization` included.
    pub(super) fn connect_fields(&self) -> HeaderMap {
        let mut fields = self.0.headers.clone();
        if !fields.contains_key(PROXY_AUTHORIZATION)
            && let Some(value) = self.authorization()
        {
            fields.insert(PROXY_AUTHORIZATION, value);
        }
        fields
    }

    pub(super) fn login(&self) -> Option<&Credentials> {
        self.0.credentials.as_ref()
    }

    /// What must not be shown when the proxy sends it back.
    pub(super) fn secrets(&self) -> Secrets {
        Secrets::of(self.login(), self.authorization().as_ref())
    }
}

fn unknown_scheme() -> Error {
    Error::usage("a proxy's URL begins with http://, https://, socks5:// or socks5h://")
}

fn host_and_port(address: &str) -> Result<(&str, Option<u16>)> {
    let host_end = if address.starts_with('[') {
        address
            .find(']')
            .map_or(address.len(), |bracket| bracket + 1)
    } else {
        address.find(':').unwrap_or(address.len())
    };
    let (host, port) = address.split_at(host_end);
    // An empty port is the default one (RFC 3986 §3.2.3).
    let Some(digits) = port.strip_prefix(':').filter(|digits| !digits.is_empty()) else {
        return match port {
            "" | ":" => Ok((host, None)),
            _ => Err(bad_port()),
        };
    };
    match digits.parse() {
        Ok(port) if port > 0 && !digits.starts_with('+') => Ok((host, Some(port))),
        Ok(_) | Err(_) => Err(bad_port()),
    }
}

fn bad_port() -> Error {
    Error::usage("the proxy's port must be a number from 1 to 65535")
}

impl FromStr for Proxy {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        Self::new(url)
    }
}

impl PartialEq for Proxy {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.via == other.0.via
                && self.0.credentials == other.0.credentials
                && self.0.headers == other.0.headers)
    }
}

impl Eq for Proxy {}

impl Hash for Proxy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.via.hash(state);
        self.0.credentials.hash(state);
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.via)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.0.via).finish()
    }
}
