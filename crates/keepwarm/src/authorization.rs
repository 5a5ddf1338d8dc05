//! The values of `Authorization`: basic (RFC 7617) and bearer (RFC 6750).
//!
//! Owns their making, as values that no `Debug` shows and no HTTP/2 table keeps. Refuses to know where they are sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};

/// Of a user and a password as they are.
///
//= RFC 7617 §2: a colon would end the user's name, and control characters are in neither.
pub(crate) fn basic(user: &str, password: &str) -> Result<HeaderValue> {
    if user.contains(':') {
        return Err(Error::usage(
            "a user name for basic authentication has no colon",
        ));
    }
    if user.chars().chain(password.chars()).any(char::is_control) {
        let message = "a user name or password for basic authentication has no control character";
        return Err(Error::usage(message));
    }
    Ok(encoded(user.as_bytes(), password.as_bytes()))
}

/// Of a URL's user information, which is percent-encoded. What stands there is sent as it is.
pub(crate) fn of_url(user: &str, password: Option<&str>) -> HeaderValue {
    let user: Vec<u8> = percent_decode_str(user).collect();
    let password: Vec<u8> = percent_decode_str(password.unwrap_or("")).collect();
    encoded(&user, &password)
}

fn encoded(user: &[u8], password: &[u8]) -> HeaderValue {
    let text = format!("Basic {}", STANDARD.encode([user, b":", password].concat()));
    // Base64 has none of the bytes that a field's value must not hold.
    let value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Basic"));
    hidden(value)
}

/// Of a token.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue> {
    // The error does not repeat the token.
    HeaderValue::try_from(format!("Bearer {token}"))
        .map(hidden)
        .map_err(|_| Error::usage("the bearer token is malformed: it has a control character"))
}

fn hidden(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}
