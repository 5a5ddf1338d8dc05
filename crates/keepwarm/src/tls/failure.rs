//! Why TLS failed, in words for a person.
//!
//! Owns the sentences: what happened, with its numbers and names, and what to do. Refuses to decide anything.

use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::verify::{IsAuthority, SelfSigned};

/// How many of the first bytes tell what the server speaks instead of TLS.
pub(super) const OPENING: usize = 5;
/// Names of a certificate that are told.
const NAMES_TOLD: usize = 8;

/// What ended a handshake.
#[derive(Debug)]
pub(super) enum Cause {
    /// The server closed the connection.
    Ended,
    Io(io::Error),
    Tls(Box<Error>),
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        Self::Tls(Box::new(error))
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Cause {
    /// What happened, given the first bytes the server sent.
    pub(super) fn sentence(&self, opening: &[u8]) -> String {
        match self {
            Self::Ended => "the server closed the connection during the handshake".to_owned(),
            Self::Io(error) => error.to_string(),
            Self::Tls(error) => match **error {
                Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
                    not_tls(opening).to_owned()
                }
                ref error => sentence(error),
            },
        }
    }

    /// The library's own words.
    pub(super) fn source(self) -> Box<dyn std::error::Error + Send + Sync> {
        match self {
            Self::Ended => io::Error::from(io::ErrorKind::UnexpectedEof).into(),
            Self::Io(error) => error.into(),
            Self::Tls(error) => error.to_string().into(),
        }
    }
}

/// The first byte is none that a TLS record begins with.
fn not_tls(opening: &[u8]) -> &'static str {
    if opening.starts_with(b"HTTP/") || opening.starts_with(b"<") {
        "the server answered with plain HTTP on a TLS port: use http, or the port that speaks TLS"
    } else {
        "the server does not speak TLS on this port"
    }
}

/// What happened, for any failure of the session.
pub(super) fn sentence(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(why) => certificate(why),
        Error::AlertReceived(alert) => alerted(*alert),
        Error::PeerIncompatible(why) => incompatible(why),
        Error::NoCertificatesPresented => "the server showed no certificate".to_owned(),
        other => other.to_string(),
    }
}

fn certificate(why: &CertificateError) -> String {
    let happened = match why {
        CertificateError::ExpiredContext { time, not_after } => {
            let ago = time.as_secs().saturating_sub(not_after.as_secs());
            format!("expired {} ago", Long(ago))
        }
        CertificateError::Expired => "has expired".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            let left = not_before.as_secs().saturating_sub(time.as_secs());
            format!(
                "is not valid yet, only in {} (is the clock right?)",
                Long(left)
            )
        }
        CertificateError::NotValidYet => "is not valid yet (is the clock right?)".to_owned(),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let asked = expected.to_str();
            match names(presented) {
                Some(names) => format!("is not for {asked} but for {names}"),
                None => format!("is not for {asked}: it has no name at all"),
            }
        }
        CertificateError::NotValidForName => "is for another name".to_owned(),
        CertificateError::UnknownIssuer => {
            "is signed by an authority that is not trusted here (unknown issuer): add its root".to_owned()
        }
        CertificateError::Revoked => "was revoked".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not meant for servers".to_owned()
        }
        CertificateError::Other(other) if other.0.is::<SelfSigned>() => {
            "is signed by itself (self-signed) and not trusted here: add it as a root, or get one from an authority"
                .to_owned()
        }
        CertificateError::Other(other) if other.0.is::<IsAuthority>() => {
            "is one of an authority, which may not be used for a server (make it with CA:FALSE)".to_owned()
        }
        other => format!("is not accepted: {other}"),
    };
    format!("the server's certificate {happened}")
}

/// `DnsName("a.test")` and `IpAddress(127.0.0.1)`, as they come, without what is around them.
fn names(presented: &[String]) -> Option<String> {
    let bare = |name: &String| {
        let inner = name
            .split_once('(')
            .and_then(|(_, rest)| rest.strip_suffix(')'))
            .unwrap_or(name);
        inner.trim_matches('"').to_owned()
    };
    let told: Vec<String> = presented.iter().take(NAMES_TOLD).map(bare).collect();
    let more = presented.len().saturating_sub(NAMES_TOLD);
    match (told.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(told.join(", ")),
        (false, more) => Some(format!("{} and {more} more", told.join(", "))),
    }
}

fn alerted(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::ProtocolVersion => no_common_version(),
        AlertDescription::HandshakeFailure => {
            let nothing = "the server found no cipher suite, key exchange or certificate in common";
            format!("{nothing} (alert handshake_failure)")
        }
        AlertDescription::CertificateRequired => {
            "the server wants a client certificate (alert certificate_required)".to_owned()
        }
        AlertDescription::UnrecognisedName => {
            "the server does not know the name (alert unrecognized_name)".to_owned()
        }
        AlertDescription::NoApplicationProtocol => {
            "the server speaks none of the protocols that were offered (alert no_application_protocol)".to_owned()
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => {
            format!("the server refused the client certificate, or wants one (alert {})", slug(alert))
        }
        // Of another crate. // non_exhaustive
        other => format!("the server said alert {}", slug(other)),
    }
}

/// `UnknownCA` as `unknown_ca`.
fn slug(alert: AlertDescription) -> String {
    let name = format!("{alert:?}");
    let mut slug = String::new();
    let mut before_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && before_lower {
            slug.push('_');
        }
        before_lower = letter.is_ascii_lowercase();
        slug.push(letter.to_ascii_lowercase());
    }
    slug
}

fn incompatible(why: &PeerIncompatible) -> String {
    match why {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired => no_common_version(),
        // Of another crate. // non_exhaustive
        other => format!("the server is incompatible: {other:?}"),
    }
}

fn no_common_version() -> String {
    "there is no common TLS version with the server".to_owned()
}

/// Seconds as people say them of certificates.
struct Long(u64);

impl std::fmt::Display for Long {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const HOUR: u64 = 3600;
        const DAY: u64 = 24 * HOUR;
        match self.0 {
            seconds if seconds >= 2 * DAY => write!(f, "{} days", seconds / DAY),
            seconds if seconds >= 2 * HOUR => write!(f, "{} hours", seconds / HOUR),
            seconds => {
                let duration = Duration::from_secs(seconds);
                write!(f, "{}", keepwarm_core::time::Human(duration))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(why: CertificateError) -> String {
        sentence(&Error::InvalidCertificate(why))
    }

    #[test]
    fn a_revoked_certificate_is_named_as_that() {
        assert_eq!(
            of(CertificateError::Revoked),
            "the server's certificate was revoked"
        );
    }

    #[test]
    fn a_certificate_of_many_names_tells_the_first() {
        let name = |number| format!("DnsName(\"{number}.test\")");
        let many: Vec<String> = (0..10).map(name).collect();
        let told = names(&many).unwrap();
        assert!(told.starts_with("0.test, 1.test, "), "{told}");
        assert!(told.ends_with("7.test and 2 more"), "{told}");
        assert_eq!(names(&[]), None);
    }

    #[test]
    fn alerts_have_their_registered_names() {
        assert_eq!(slug(AlertDescription::UnknownCA), "unknown_ca");
        assert_eq!(slug(AlertDescription::DecodeError), "decode_error");
        assert!(alerted(AlertDescription::ProtocolVersion).contains("no common TLS version"));
    }

    #[test]
    fn times_are_told_as_people_tell_them() {
        assert_eq!(Long(30).to_string(), "30 s");
        assert_eq!(Long(3 * 3600).to_string(), "3 hours");
        assert_eq!(Long(400 * 24 * 3600).to_string(), "400 days");
    }
}
