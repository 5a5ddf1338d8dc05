//! `Refused`: an answer to CONNECT that is not 2xx.
//!
//! Owns what of it is shown: made safe for a terminal, and without the credentials should the proxy repeat them.
//! Refuses to decide what is done about it.

use std::fmt;

use http::header::{HeaderMap, HeaderValue, PROXY_AUTHENTICATE};
use http::{StatusCode, Version};
use keepwarm_core::h1::ResponseHead;

use super::credentials::{HIDDEN, Secrets};
use super::handshake::failed;
use super::{Proxy, Target};
use crate::error::Error;

/// A proxy's refusal to open a tunnel: the [`source`](std::error::Error::source) of the call's error.
///
/// Printed, it is the proxy's answer: status line, fields, a blank line, and the body's start.
pub struct Refused {
    proxy: Proxy,
    target: String,
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    body: String,
}

impl Refused {
    pub(super) fn new(proxy: &Proxy, target: &Target, head: ResponseHead, body: &[u8]) -> Self {
        let secrets = proxy.secrets();
        let body = without_controls(&String::from_utf8_lossy(body));
        Self {
            proxy: proxy.clone(),
            target: target.to_string(),
            status: head.status,
            version: head.version,
            headers: without_secrets(head.headers.into_map(), &secrets),
            body: secrets.hide_in_cut(&body),
        }
    }

    /// The proxy's status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The fields of its answer. One that repeats our credentials has `***` in their place.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The start of the body, at most 1 KiB of it: control characters other than line ends and tabs, and what is
    /// no UTF-8, are replaced. Empty when there is none, or none came within half a second.
    pub fn body_start(&self) -> &str {
        &self.body
    }

    /// The ways to log in that the proxy offers (`Proxy-Authenticate`), as in `Basic` or `Negotiate`.
    pub fn schemes(&self) -> Vec<&str> {
        let values = self.headers.get_all(PROXY_AUTHENTICATE).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(schemes)
            .collect()
    }

    pub(super) fn into_error(self) -> Error {
        let mut message = format!(
            "answered CONNECT {} with {}",
            self.target,
            status_line(self.status)
        );
        // tinyproxy says 401 of credentials that are wrong. No origin has been asked yet: it is the proxy's word.
        if [
            StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            StatusCode::UNAUTHORIZED,
        ]
        .contains(&self.status)
        {
            message.push_str(if self.proxy.authorization().is_some() {
                ": it did not accept the credentials"
            } else {
                ": it wants credentials, and none are set"
            });
            let schemes = self.schemes();
            if !schemes.is_empty() {
                message.push_str(" (it offers ");
                message.push_str(&schemes.join(", "));
                message.push(')');
            }
        }
        let proxy = self.proxy.clone();
        failed(&proxy, message).with_source(self)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.version, status_line(self.status))?;
        for (name, value) in &self.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            write!(f, "\n{name}: {}", without_controls(&value))?;
        }
        if !self.body.is_empty() {
            write!(f, "\n\n{}", self.body.trim_end())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("proxy", &self.proxy)
            .field("target", &self.target)
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_start", &self.body)
            .finish()
    }
}

impl std::error::Error for Refused {}

fn status_line(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_str()),
        None => status.as_str().to_owned(),
    }
}

fn without_secrets(mut headers: HeaderMap, secrets: &Secrets) -> HeaderMap {
    for value in headers.values_mut() {
        let text = String::from_utf8_lossy(value.as_bytes());
        let hidden = secrets.hide(&text);
        if hidden != text {
            *value = HeaderValue::try_from(hidden).unwrap_or(HeaderValue::from_static(HIDDEN));
        }
    }
    headers
}

/// Text that moves no cursor and changes no colour.
fn without_controls(text: &str) -> String {
    let harmless = |character: char| match character {
        '\n' | '\t' => true,
        // These turn the direction of the text around them, or show nothing.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => false,
        _ => !character.is_control(),
    };
    text.replace("\r\n", "\n")
        .chars()
        .map(|character| match harmless(character) {
            true => character,
            false => char::REPLACEMENT_CHARACTER,
        })
        .collect()
}

/// The schemes of the challenges in one field (RFC 9110 §11.6.1): the first word of an element between commas, unless
/// it is a parameter of the challenge before.
fn schemes(field: &str) -> Vec<&str> {
    let mut quoted = false;
    let elements = field.split(move |character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    });
    elements
        .filter_map(|element| element.split_whitespace().next())
        .filter(|word| {
            word.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+!#$%&'*^`|".contains(&byte))
        })
        .collect()
}
