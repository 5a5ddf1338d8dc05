//! `Target`: a URL as the caller writes it, as what is sent.
//!
//! Owns the reading of URL text: what is a URI already is taken as it is written, what is not is repaired as browsers
//! do (the `url` crate: percent-encoding, IDNA). Refuses to know what is done with it; a ready-made `Uri` costs
//! nothing.

use http::{HeaderValue, Uri};
use url::{Position, Url, form_urlencoded};

use crate::authorization;
use crate::error::{Error, Result};

/// What a request can be sent to: URL text (`&str`, `String`), a [`Url`] of the crate `url`, or a ready-made [`Uri`].
///
/// Text that is a URI is sent as it is written. Text that is not, for its spaces or letters beyond ASCII, is encoded as
/// browsers do: `http://bücher.example/ä b?x=ü` becomes `http://xn--bcher-kva.example/%C3%A4%20b?x=%C3%BC`. A fragment
/// is never sent. `user:password@` is taken out of text and sent as basic credentials, unless the request has an
/// `Authorization` of its own (as in Go); out of a [`Url`] too. A ready-made [`Uri`] is taken as it is, and refused
/// with user information.
pub trait IntoUrl: sealed::Sealed {}

mod sealed {
    /// Keeps the reading of URLs a matter of this crate.
    pub trait Sealed {
        #[doc(hidden)]
        fn into_target(self) -> crate::Result<super::Target>;
    }
}

/// A URL that was read: where to, and as whom.
#[derive(Debug)]
pub struct Target {
    pub(crate) uri: Uri,
    /// The value of `Authorization` that the URL's user information stands for. Boxed, for few have it.
    pub(crate) credentials: Option<Box<HeaderValue>>,
}

impl Target {
    fn plain(uri: Uri) -> Self {
        Self {
            uri,
            credentials: None,
        }
    }

    fn of_text(text: &str) -> Result<Self> {
        if text.bytes().all(is_uri_byte)
            && let Ok(uri) = Uri::try_from(text)
            && !uri
                .authority()
                .is_some_and(|authority| authority.as_str().contains(['@', '%']))
        {
            return Ok(Self::plain(uri));
        }
        Self::repaired(text)
    }

    /// Reads text that is no plain URI. Errors never repeat the text: it may hold a password.
    fn repaired(text: &str) -> Result<Self> {
        let malformed = |why: &str| Error::usage(format!("the URL is malformed: {why}"));
        let text = text.trim_matches(' ');
        // `url` drops tabs and line ends silently; whoever sends them to us did not mean to (as in Go).
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(malformed("it has a control character"));
        }
        // `url` reads `http:host` and `http:///host` as `http://host`: a host that is left out is a mistake here.
        let after_scheme = text.split_once("://").map(|(_, rest)| rest);
        if after_scheme
            .is_none_or(|rest| rest.starts_with(['/', '\\', '?', '#']) || rest.is_empty())
        {
            return Err(malformed("it must be absolute, like http://host/path"));
        }
        let url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
        Self::of_url(url)
    }

    fn of_url(mut url: Url) -> Result<Self> {
        let credentials = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let value = authorization::of_url(url.username(), url.password());
            Box::new(value)
        });
        // Only a URL without a host refuses to lose them, and that has none.
        let _none = url.set_username("");
        let _none = url.set_password(None);
        let uri = to_uri(&url)?;
        Ok(Self { uri, credentials })
    }
}

/// What may stand in a URI (RFC 3986 §2).
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// The URI of a URL; its fragment is left out.
pub(crate) fn to_uri(url: &Url) -> Result<Uri> {
    Uri::try_from(&url[..Position::AfterQuery])
        .map_err(|error| Error::usage(format!("the URL is malformed: {error}")))
}

/// The URI with these pairs behind what its query holds already.
pub(crate) fn with_query<I, K, V>(uri: &Uri, pairs: I) -> Result<Uri>
where
    I: IntoIterator,
    I::Item: std::borrow::Borrow<(K, V)>,
    K: AsRef<str>,
    V: AsRef<str>,
{
    let old = uri.query().unwrap_or("");
    let query = form_urlencoded::Serializer::for_suffix(old.to_owned(), 0)
        .extend_pairs(pairs)
        .finish();
    if query.len() == old.len() {
        return Ok(uri.clone());
    }
    let mut parts = uri.clone().into_parts();
    let target = format!("{}?{query}", uri.path());
    let malformed = |error: &dyn std::fmt::Display| {
        Error::usage(format!("the URL with its query is malformed: {error}"))
    };
    parts.path_and_query = Some(target.try_into().map_err(|error| malformed(&error))?);
    Uri::from_parts(parts).map_err(|error| malformed(&error))
}

macro_rules! targets {
    ($($kind:ty: $value:ident => $read:expr;)*) => {
        $(impl IntoUrl for $kind {}
        impl sealed::Sealed for $kind {
            fn into_target(self) -> Result<Target> {
                let $value = self;
                $read
            }
        })*
    };
}

targets! {
    Uri: uri => Ok(Target::plain(uri));
    &Uri: uri => Ok(Target::plain(uri.clone()));
    Url: url => Target::of_url(url);
    &Url: url => Target::of_url(url.clone());
    &str: text => Target::of_text(text);
    &String: text => Target::of_text(text);
    String: text => Target::of_text(&text);
}

#[cfg(test)]
mod tests {
    use super::sealed::Sealed;
    use super::*;

    fn read(text: &str) -> String {
        let target = text.into_target().expect("a URL");
        target.uri.to_string()
    }

    #[test]
    fn what_is_a_uri_is_taken_as_it_is_written() {
        for text in [
            "http://example.com/",
            "http://Example.COM:8080/a/../b//c?x=%7e&y=[1]",
            "https://[::1]:8443/x",
            "http://example.com/%zz",
            "/only/a/path",
        ] {
            assert_eq!(read(text), text);
        }
        assert_eq!(read("http://h.test/a?b#part"), "http://h.test/a?b");
    }

    #[test]
    fn what_is_not_is_encoded_as_browsers_do() {
        for (text, wanted) in [
            ("http://ex.com/ä b?x=ü", "http://ex.com/%C3%A4%20b?x=%C3%BC"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("http://ex.com/{a}|\"b\"", "http://ex.com/%7Ba%7D|%22b%22"),
            (" http://ex.com/x ", "http://ex.com/x"),
            ("http://ex.com/%41ä", "http://ex.com/%41%C3%A4"),
            ("http://ex%41mple.com/", "http://example.com/"),
            ("http://ex.com/ä#ö", "http://ex.com/%C3%A4"),
            ("http://ex.com:80/ä", "http://ex.com/%C3%A4"),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }

    #[test]
    fn user_information_becomes_credentials() {
        let check = |target: Target| {
            assert_eq!(target.uri.to_string(), "http://h.test:81/x?y");
            let value = target.credentials.expect("credentials");
            // us er:pä@ss
            assert_eq!(*value, "Basic dXMgZXI6cMOkQHNz");
            assert!(value.is_sensitive());
        };
        let text = "http://us%20er:p%C3%A4%40ss@h.test:81/x?y";
        check(text.into_target().expect("a URL"));
        // Looking for it would cost every call something; the call refuses it where it reads the origin anyway.
        let uri: Uri = text.parse().expect("a URI");
        assert!(uri.into_target().expect("as it is").credentials.is_none());
        let alone = "http://user@h.test/".into_target().expect("a URL");
        assert_eq!(*alone.credentials.expect("credentials"), "Basic dXNlcjo=");
        let empty = "http://@h.test/".into_target().expect("a URL");
        assert_eq!(
            (empty.uri.to_string().as_str(), empty.credentials),
            ("http://h.test/", None)
        );
    }

    #[test]
    fn a_url_that_was_read_already_is_taken_with_its_credentials() {
        let url =
            Url::parse("http://us%20er:p%C3%A4%40ss@bücher.example:81/ä?y#part").expect("a URL");
        for target in [(&url).into_target(), url.clone().into_target()] {
            let target = target.expect("a target");
            let wanted = "http://xn--bcher-kva.example:81/%C3%A4?y";
            assert_eq!(target.uri.to_string(), wanted);
            let value = target.credentials.expect("credentials");
            assert_eq!(*value, "Basic dXMgZXI6cMOkQHNz");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_being_repeated() {
        for text in [
            "http://user:secret@h.test:99999/",
            "http://user:secret@/",
            "http://user:secret@h.test/\n",
            "http://se cret/",
            "http:///secret",
            "http:secret ",
            "secret ",
            "http://user:secret@xn--\u{e4}/",
            "",
        ] {
            let error = text.into_target().expect_err(text);
            assert!(!format!("{error} {error:?}").contains("ecret"), "{error}");
        }
    }

    #[test]
    fn a_query_grows_and_is_encoded() {
        let uri = |text: &str| text.parse::<Uri>().expect("a URI");
        let with = |text: &str, pairs: &[(&str, &str)]| {
            with_query(&uri(text), pairs).expect("a URI").to_string()
        };
        assert_eq!(
            with("http://h.test", &[("a", "b c")]),
            "http://h.test/?a=b+c"
        );
        assert_eq!(
            with("http://h.test/p?x=%20", &[("ü", "&="), ("z", "")]),
            "http://h.test/p?x=%20&%C3%BC=%26%3D&z="
        );
        assert_eq!(with("http://h.test/p", &[]), "http://h.test/p");
    }
}
