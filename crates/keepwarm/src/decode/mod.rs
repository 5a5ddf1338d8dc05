//! Decoding of bodies: what is asked for, and the undoing of what came.
//!
//! A request asks for the codings that are built in (`gzip`, `deflate`, `br`, `zstd`: a cargo feature each) only when
//! the caller wants bodies decoded and has set no `Accept-Encoding` and no `Range` of its own; only what was asked
//! for is undone ([`Coding::of`]). [`Decoding`] undoes it piece by piece, as the caller reads.
//!
//! Owns the names of codings (RFC 9110 §8.4.1). Refuses to keep a body: memory is bounded by the codec's window.
#![cfg_attr(
    not(any(
        feature = "brotli",
        feature = "deflate",
        feature = "gzip",
        feature = "zstd"
    )),
    allow(
        clippy::needless_pass_by_value,
        dead_code,
        unreachable_code,
        unused_variables,
        reason = "there is nothing to decode with"
    )
)]

mod codec;
mod decoding;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use keepwarm_core::h1::{HeaderBlock, ResponseHead};

pub(crate) use decoding::Decoding;

use crate::error::{Error, Result};

/// A coding that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    #[cfg(feature = "brotli")]
    Brotli,
    #[cfg(feature = "deflate")]
    Deflate,
    #[cfg(feature = "gzip")]
    Gzip,
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Coding {
    /// Those that are built in, in the order in which they are asked for.
    pub(crate) const ALL: &[Self] = &[
        #[cfg(feature = "gzip")]
        Self::Gzip,
        #[cfg(feature = "deflate")]
        Self::Deflate,
        #[cfg(feature = "brotli")]
        Self::Brotli,
        #[cfg(feature = "zstd")]
        Self::Zstd,
    ];

    /// As in `Content-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "brotli")]
            Self::Brotli => "br",
            #[cfg(feature = "deflate")]
            Self::Deflate => "deflate",
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    /// The one coding of an answer. Codings upon codings are left to the caller, as in Go.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let value = values.next()?.to_str().ok()?.trim();
        if values.next().is_some() {
            return None;
        }
        //= RFC 9110 §8.4.1.3: `x-gzip` is `gzip`.
        let value = value
            .get(..2)
            .filter(|start| start.eq_ignore_ascii_case("x-"))
            .map_or(value, |_| &value[2..]);
        (Self::ALL.iter().copied()).find(|coding| coding.name().eq_ignore_ascii_case(value))
    }
}

/// Refuses to be asked for what is not built in.
pub(crate) fn check() -> Result<()> {
    if Coding::ALL.is_empty() {
        let message =
            "to decompress, one of the cargo features gzip, deflate, brotli, zstd must be on";
        return Err(Error::usage(message));
    }
    Ok(())
}

/// Asks for what can be decoded, unless the caller speaks for itself. True when it was asked for.
pub(crate) fn ask(method: &Method, headers: &mut HeaderMap) -> bool {
    // A part of a coded body cannot be decoded (RFC 9110 §14.2), and the answer to HEAD has no body.
    if *method == Method::HEAD
        || headers.contains_key(ACCEPT_ENCODING)
        || headers.contains_key(RANGE)
    {
        return false;
    }
    let names: Vec<_> = Coding::ALL.iter().map(|coding| coding.name()).collect();
    match HeaderValue::try_from(names.join(", ")) {
        Ok(value) => headers.insert(ACCEPT_ENCODING, value).is_none(),
        Err(_malformed) => false,
    }
}

/// What must be undone, in an answer to a request that asked for it. The head then tells of the decoded body: its
/// coding and its length are gone. `most` is the largest ratio of decoded to coded bytes.
pub(crate) fn begin(head: &mut ResponseHead, most: Option<u64>) -> Option<Decoding> {
    let bodiless = head.status.is_informational()
        || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&head.status);
    if bodiless {
        return None;
    }
    let coding = Coding::of(&head.headers)?;
    let empty = HeaderBlock::of_map(HeaderMap::new());
    let mut headers = std::mem::replace(&mut head.headers, empty).into_map();
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    head.headers = HeaderBlock::of_map(headers);
    Some(Decoding::new(coding, most))
}

#[cfg(all(test, feature = "gzip"))]
mod tests {
    use super::*;

    fn of(values: &[&'static str]) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
        }
        Coding::of(&headers)
    }

    #[test]
    fn one_coding_that_is_built_in_is_undone_and_nothing_else() {
        for value in ["gzip", "GZIP", " gzip ", "x-gzip", "X-GZip"] {
            assert_eq!(of(&[value]), Some(Coding::Gzip), "{value}");
        }
        for values in [
            &[][..],
            &["identity"],
            &["gzip, gzip"],
            &["gzip", "gzip"],
            &["x-"],
            &["compress"],
        ] {
            assert_eq!(of(values), None, "{values:?}");
        }
    }
}
