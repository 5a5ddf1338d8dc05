//! `Target`: a URL as it was typed, and as it may be shown.
//!
//! Owns the hiding of credentials in it. Refuses to use them: the library reads the text itself and sends them.

use std::fmt;

use http::Uri;
use keepwarm_core::origin::OriginRef;
use url::{Position, Url};

const HOW_TO: &str = "write it like http://host:port/path";

/// A URL to ask for.
#[derive(Clone)]
pub(crate) struct Target {
    /// As the library takes it, credentials included.
    pub(crate) text: String,
    /// Without user information and fragment.
    pub(crate) uri: Uri,
    /// Whether the text holds credentials.
    pub(crate) has_credentials: bool,
}

/// Hides the credentials.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.uri)
    }
}

/// What was typed for a URL. A mistake in text that may hold a password waits, for the parser would repeat the text.
#[derive(Clone, Debug)]
pub(crate) struct Typed(pub(crate) Result<Target, String>);

/// Reads one; a name alone means http, as it does for curl.
pub(super) fn typed(text: &str) -> Result<Typed, String> {
    match read(text) {
        Err(mistake) if text.contains('@') => Ok(Typed(Err(mistake))),
        Err(mistake) => Err(mistake),
        Ok(target) => Ok(Typed(Ok(target))),
    }
}

pub(super) fn read(text: &str) -> Result<Target, String> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let whole = whole
        .split_once('#')
        .map_or(whole.as_str(), |(before, _)| before);
    let plain = whole.parse::<Uri>().ok().filter(|uri| {
        let authority = uri.authority();
        authority.is_some_and(|authority| !authority.as_str().contains(['@', '%']))
    });
    let (uri, has_credentials) = match plain {
        Some(uri) => (uri, false),
        None => repaired(whole)?,
    };
    OriginRef::of(&uri).map_err(|error| error.to_string())?;
    Ok(Target {
        text: whole.to_owned(),
        uri,
        has_credentials,
    })
}

/// Reads text that is no plain URI as the library does.
fn repaired(text: &str) -> Result<(Uri, bool), String> {
    let malformed = |why: &dyn fmt::Display| format!("the URL is malformed: {why}; {HOW_TO}");
    let after_scheme = text.split_once("://").map_or("", |(_, rest)| rest);
    if after_scheme.is_empty() || after_scheme.starts_with(['/', '\\', '?']) {
        return Err(malformed(&"it has no host"));
    }
    let mut url = Url::parse(text).map_err(|error| malformed(&error))?;
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    // Only a URL without a host refuses to lose them; the origin is checked for one.
    let _none = url.set_username("");
    let _none = url.set_password(None);
    let uri = url[..Position::AfterQuery]
        .parse()
        .map_err(|error: http::uri::InvalidUri| malformed(&error))?;
    Ok((uri, has_credentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        read(text).unwrap().uri.to_string()
    }

    #[test]
    fn a_url_needs_no_scheme_and_loses_its_fragment() {
        assert_eq!(shown("127.0.0.1:8080"), "http://127.0.0.1:8080/");
        assert_eq!(shown("http://a.test/b?c#d"), "http://a.test/b?c");
        assert_eq!(shown("https://a.test"), "https://a.test/");
        assert_eq!(
            shown("http://bücher.test/ä b"),
            "http://xn--bcher-kva.test/%C3%A4%20b"
        );
        for wrong in [
            "",
            "http://",
            "http:///x",
            "ftp://a.test/",
            "http://a b/",
            "http://a:0/",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn credentials_are_kept_for_the_library_and_shown_to_nobody() {
        let target = read("http://me:secret@a.test/b").unwrap();
        assert!(target.has_credentials);
        assert_eq!(target.text, "http://me:secret@a.test/b");
        assert_eq!(format!("{target:?}"), "http://a.test/b");
        for wrong in [
            "http://me:secret@a.test:0/",
            "http://me:secret@",
            "ftp://me:secret@a.test/",
        ] {
            let Ok(Typed(Err(mistake))) = typed(wrong) else {
                panic!("{wrong} is repeated by the parser");
            };
            assert!(!mistake.contains("secret"), "{mistake}");
        }
    }
}
