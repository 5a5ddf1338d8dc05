//! `Credentials`: a user name and a password for a proxy.
//!
//! Owns their forms on the wire, and the hiding of them in text that comes back. Refuses to be printed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;

/// What stands in for a secret in text.
pub(super) const HIDDEN: &str = "***";
/// A shorter secret is not searched for: it would be found everywhere.
const SHORTEST: usize = 4;

/// A user name and a password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Credentials {
    pub(super) user: Vec<u8>,
    pub(super) password: Vec<u8>,
}

impl Credentials {
    pub(super) fn new(user: &str, password: &str) -> Self {
        Self {
            user: user.as_bytes().to_vec(),
            password: password.as_bytes().to_vec(),
        }
    }

    /// Reads the part of a URL before the `@`, percent-encoded.
    pub(super) fn of_url(text: &str) -> Self {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        Self {
            user: percent_decode_str(user).collect(),
            password: percent_decode_str(password).collect(),
        }
    }

    /// The value of a `Proxy-Authorization` field (RFC 7617 §2).
    pub(super) fn basic(&self) -> HeaderValue {
        let pair = [self.user.as_slice(), b":", self.password.as_slice()].concat();
        let text = format!("Basic {}", STANDARD.encode(pair));
        // Base64 has none of the bytes that a field's value must not hold.
        let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Basic"));
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// What must not be shown, should a proxy send it back to us.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The secrets in these credentials and in the value of `Proxy-Authorization`.
    pub(super) fn of(
        credentials: Option<&Credentials>,
        authorization: Option<&HeaderValue>,
    ) -> Self {
        let mut secrets = Vec::new();
        if let Some(value) = authorization.and_then(|value| value.to_str().ok()) {
            let token = value.split_once(' ').map_or(value, |(_, token)| token);
            secrets.push(token.trim().to_owned());
        }
        if let Some(credentials) = credentials {
            secrets.push(String::from_utf8_lossy(&credentials.password).into_owned());
        }
        secrets.retain(|secret| secret.len() >= SHORTEST);
        // The longest first: one may hold the other.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// The text without the secrets.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret) {
                text = text.replace(secret, HIDDEN);
            }
        }
        text
    }

    /// The same for text that was cut off at its end, perhaps within a secret.
    pub(super) fn hide_in_cut(&self, text: &str) -> String {
        let mut text = self.hide(text);
        for secret in &self.0 {
            let begun = (SHORTEST..secret.len())
                .rev()
                .filter(|&length| secret.is_char_boundary(length))
                .find(|&length| text.ends_with(&secret[..length]));
            if let Some(length) = begun {
                text.truncate(text.len() - length);
                text.push_str(HIDDEN);
            }
        }
        text
    }
}
