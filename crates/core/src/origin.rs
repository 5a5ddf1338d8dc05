//! `Origin`: what two requests must share to share a connection, parsed once.
//!
//! Owns the parsing, comparing and hashing of scheme, host and port (RFC 9110 §4.3.2).
//! Refuses to know sockets and names' addresses.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use http::Uri;

/// The scheme of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain HTTP, port 80 unless named.
    Http,
    /// HTTP over TLS, port 443 unless named.
    Https,
}

impl Scheme {
    /// As in a URI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port a URI means when it names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Why a URI names no origin that can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginError {
    /// The URI has no scheme or no host: it must be absolute.
    NotAbsolute,
    /// The scheme is neither `http` nor `https`.
    UnknownScheme,
    /// The authority holds user information, which belongs in a header (RFC 9110 §4.2.4).
    UserInformation,
    /// The port is empty, zero or no number up to 65535.
    Port,
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the URL must be absolute, like http://host/path",
            Self::UnknownScheme => "the URL's scheme must be http or https",
            Self::UserInformation => {
                "the URL must not carry user information; send an Authorization header"
            }
            Self::Port => "the URL's port must be a number from 1 to 65535",
        })
    }
}

impl std::error::Error for OriginError {}

/// The parts of a URI that choose its origin, borrowed: made per request, without allocation.
#[derive(Clone, Copy, Debug)]
pub struct OriginRef<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The host as written, brackets of an IPv6 literal included.
    pub host: &'a str,
    /// The port, the scheme's own filled in.
    pub port: u16,
}

impl<'a> OriginRef<'a> {
    /// Reads the origin of an absolute URI.
    ///
    /// # Errors
    /// When the URI is not absolute, has another scheme, user information or a bad port.
    #[inline]
    pub fn of(uri: &'a Uri) -> Result<Self, OriginError> {
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(_) => return Err(OriginError::UnknownScheme),
            None => return Err(OriginError::NotAbsolute),
        };
        let authority = uri.authority().ok_or(OriginError::NotAbsolute)?.as_str();
        Self::split(scheme, authority)
    }

    #[inline]
    fn split(scheme: Scheme, authority: &'a str) -> Result<Self, OriginError> {
        // From the end: the last colon begins the port, unless it stands in the brackets of an IPv6 literal.
        let bytes = authority.as_bytes();
        let last = bytes.iter().rposition(|&byte| byte == b':' || byte == b']');
        let (host, port) = match last {
            Some(colon) if bytes[colon] == b':' => (&authority[..colon], port(&bytes[colon + 1..])),
            Some(_) | None => (authority, Some(scheme.default_port())),
        };
        let is_literal = host.starts_with('[');
        let is_odd = |byte| byte == b'@' || (byte == b':' && !is_literal);
        let port = match port {
            Some(port) if !host.bytes().any(is_odd) => port,
            Some(_) | None if authority.contains('@') => return Err(OriginError::UserInformation),
            Some(_) | None => return Err(OriginError::Port),
        };
        if host.is_empty() {
            return Err(OriginError::NotAbsolute);
        }
        Ok(Self { scheme, host, port })
    }

    /// A hash that ignores the host's letter case.
    ///
    /// Not keyed: the maps that use it compare the whole origin, and a peer does not choose which origins are called.
    pub fn hash_code(&self) -> u64 {
        // Eight bytes at a time. This bit is what tells capital letters from small ones; of other bytes it makes
        // collisions at worst.
        const SMALL: u64 = 0x2020_2020_2020_2020;
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut hash = u64::from(self.port) << 8 | self.scheme as u64;
        let mut mix = |word: u64| {
            hash = (hash.rotate_left(23) ^ (word | SMALL)).wrapping_mul(SPREAD);
        };
        let (words, rest) = self.host.as_bytes().as_chunks::<8>();
        for word in words {
            mix(u64::from_le_bytes(*word));
        }
        let mut last = [0_u8; 8];
        last[..rest.len()].copy_from_slice(rest);
        mix(u64::from_le_bytes(last));
        hash ^ (hash >> 32)
    }
}

/// A port: digits only, 1 to 65535.
fn port(text: &[u8]) -> Option<u16> {
    let mut port = 0_u32;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        port = port.saturating_mul(10).saturating_add(u32::from(digit));
    }
    u16::try_from(port).ok().filter(|&port| port > 0)
}

/// Where in its URI an origin stands: kept beside the URI, so that it is parsed once.
#[derive(Clone, Copy, Debug)]
pub struct OriginSpan {
    host_length: u32,
    port: u16,
    scheme: Scheme,
}

impl OriginSpan {
    /// Reads the origin of an absolute URI.
    ///
    /// # Errors
    /// As [`OriginRef::of`].
    pub fn of(uri: &Uri) -> Result<Self, OriginError> {
        let OriginRef { scheme, host, port } = OriginRef::of(uri)?;
        // `http::Uri` holds less than 64 KiB.
        let host_length = u32::try_from(host.len()).map_err(|_| OriginError::NotAbsolute)?;
        Ok(Self {
            host_length,
            port,
            scheme,
        })
    }

    /// The parts, given the same URI again. Of another URI they are another origin, or an empty one.
    pub fn parts<'a>(&self, uri: &'a Uri) -> OriginRef<'a> {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        OriginRef {
            scheme: self.scheme,
            host: authority.get(..self.host_length as usize).unwrap_or(""),
            port: self.port,
        }
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
}

/// An origin: scheme, host in lower case, port. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Origin {
    scheme: Scheme,
    host: Arc<str>,
    port: u16,
}

impl Origin {
    /// Parses the origin of an absolute URI.
    ///
    /// # Errors
    /// As [`OriginRef::of`].
    pub fn of(uri: &Uri) -> Result<Self, OriginError> {
        OriginRef::of(uri).map(|parts| parts.to_origin())
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in lower case, brackets of an IPv6 literal included.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, always present.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether these are the parts of this origin.
    pub fn matches(&self, parts: &OriginRef<'_>) -> bool {
        self.port == parts.port
            && self.scheme == parts.scheme
            && self.host.eq_ignore_ascii_case(parts.host)
    }

    /// Borrowed parts, for hashing.
    pub fn parts(&self) -> OriginRef<'_> {
        OriginRef {
            scheme: self.scheme,
            host: &self.host,
            port: self.port,
        }
    }
}

impl OriginRef<'_> {
    /// The owned form.
    pub fn to_origin(self) -> Origin {
        Origin {
            scheme: self.scheme,
            host: self.host.to_ascii_lowercase().into(),
            port: self.port,
        }
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.parts())
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.parts().hash_code());
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| OriginError::NotAbsolute)?;
        Self::of(&uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_equal_whatever_case_and_default_port_they_are_written_with() {
        let a: Origin = "http://Example.com/x".parse().unwrap();
        let b: Origin = "http://example.COM:80/y?z".parse().unwrap();
        assert_eq!(a, b);
        assert_eq!(a.parts().hash_code(), b.parts().hash_code());
        assert_eq!(a.to_string(), "http://example.com");
        let c: Origin = "https://example.com".parse().unwrap();
        assert_ne!(a, c);
        assert_eq!(c.port(), 443);
    }

    #[test]
    fn ipv6_hosts_keep_their_brackets() {
        let origin: Origin = "http://[::1]:8080/".parse().unwrap();
        assert_eq!((origin.host(), origin.port()), ("[::1]", 8080));
        let origin: Origin = "http://[::1]/".parse().unwrap();
        assert_eq!((origin.host(), origin.port()), ("[::1]", 80));
    }

    #[test]
    fn what_names_no_origin_is_refused_with_its_cause() {
        let error = |text: &str| text.parse::<Origin>().unwrap_err();
        assert_eq!(error("/path"), OriginError::NotAbsolute);
        assert_eq!(error("ftp://host/"), OriginError::UnknownScheme);
        assert_eq!(error("http://user:pw@host/"), OriginError::UserInformation);
        assert_eq!(error("http://host:0/"), OriginError::Port);
        assert_eq!(error("http://host:/"), OriginError::Port);
        assert_eq!(error("http://host:65536/"), OriginError::Port);
        assert_eq!(error("http://user@[::1]:80/"), OriginError::UserInformation);
        assert_eq!(error("http://user:80@host/"), OriginError::UserInformation);
    }

    #[test]
    fn a_span_finds_the_parts_again() {
        let uri: Uri = "http://[::1]:8080/x".parse().unwrap();
        let parts = OriginSpan::of(&uri).unwrap().parts(&uri);
        assert_eq!((parts.host, parts.port), ("[::1]", 8080));
        let other: Uri = "/".parse().unwrap();
        assert_eq!(OriginSpan::of(&uri).unwrap().parts(&other).host, "");
    }
}
