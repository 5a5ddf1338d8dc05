//! `OwnSettings`: what `--origin` says: an origin, and what differs there.
//!
//! Owns its grammar and the sentences about mistakes in it. Refuses to know what the settings do.

use keepwarm::OriginConfig;
use keepwarm_core::origin::OriginRef;

use super::quantity::{self, Ceiling};
use super::target;

const HOW_TO: &str = "write it like https://host:port,max-conns-per-host=4,idle-timeout=5s";

/// The settings of one origin, as they were typed.
#[derive(Clone, Debug)]
pub(super) struct OwnSettings {
    /// The origin, as the library takes it.
    pub(super) url: String,
    pub(super) changes: OriginConfig,
    /// Whether there may be more connections than by default.
    pub(super) raises_limits: bool,
}

/// What was typed. A mistake in text that may hold a password waits, for the parser would repeat the text.
#[derive(Clone, Debug)]
pub(super) struct Typed(pub(super) Result<OwnSettings, String>);

/// Reads one `ORIGIN,NAME=VALUE,…`.
pub(super) fn typed(text: &str) -> Result<Typed, String> {
    match read(text) {
        Err(mistake) if text.contains('@') => Ok(Typed(Err(mistake))),
        Err(mistake) => Err(mistake),
        Ok(settings) => Ok(Typed(Ok(settings))),
    }
}

fn read(text: &str) -> Result<OwnSettings, String> {
    let mut words = text.split(',').map(str::trim);
    let url = words.next().unwrap_or_default();
    let target = target::read(url)?;
    if target.has_credentials {
        return Err(format!("an origin has no user information; {HOW_TO}"));
    }
    OriginRef::of(&target.uri).map_err(|error| error.to_string())?;
    let mut own = OwnSettings {
        url: target.text,
        changes: OriginConfig::new(),
        raises_limits: false,
    };
    let mut count = 0;
    for word in words {
        own.set(word)?;
        count += 1;
    }
    if count == 0 {
        return Err(format!("nothing differs there; {HOW_TO}"));
    }
    Ok(own)
}

/// The settings with a value: `name => setter via reading, conversion;`.
macro_rules! settings {
    ($($name:literal => $setter:ident via $read:path, $convert:expr;)*) => {
        const WITH_VALUE: &[&str] = &[$($name),*];

        /// Sets what has a value; none when no setting has this name.
        fn set_value(changes: OriginConfig, name: &str, value: &str) -> Option<Result<OriginConfig, String>> {
            match name {
                $($name => Some($read(value).map(|value| changes.$setter($convert(value)))),)*
                _ => None,
            }
        }
    };
}

settings! {
    "max-idle-per-host" => max_idle_per_host via quantity::count, Ceiling::limit;
    "max-conns-per-host" => max_conns_per_host via quantity::count, Ceiling::limit;
    "max-dials-per-host" => max_dials_per_host via whole, |count| count;
    "max-waiters" => max_waiters via quantity::count, Ceiling::limit;
    "max-requests-per-connection" => max_requests_per_connection via quantity::count, quantity::wide;
    "idle-timeout" => idle_timeout via quantity::timeout, Ceiling::limit;
    "max-lifetime" => max_lifetime via quantity::timeout, Ceiling::limit;
    "connect-timeout" => connect_timeout via quantity::timeout, Ceiling::limit;
    "tls-handshake-timeout" => tls_handshake_timeout via quantity::timeout, Ceiling::limit;
    "proxy-handshake-timeout" => proxy_handshake_timeout via quantity::timeout, Ceiling::limit;
    "response-header-timeout" => response_header_timeout via quantity::timeout, Ceiling::limit;
    "read-idle-timeout" => read_idle_timeout via quantity::timeout, Ceiling::limit;
    "write-stall-timeout" => write_stall_timeout via quantity::timeout, Ceiling::limit;
    "queue-timeout" => queue_timeout via quantity::timeout, Ceiling::limit;
    "timeout" => total_timeout via quantity::timeout, Ceiling::limit;
    "expect-timeout" => expect_timeout via quantity::timeout, Ceiling::limit;
    "drain-bytes" => drain_bytes via quantity::size, |bytes| bytes;
    "drain-time" => drain_time via quantity::duration, |time| time;
    "max-head-bytes" => max_head_bytes via quantity::length, |bytes| bytes;
}

/// The settings that are words of their own.
const WORDS: &[&str] = &[
    "http1",
    "http2",
    "http2-prior-knowledge",
    "no-keep-alive",
    "ignore-server-hint",
    "no-learning",
];

fn whole(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| "this is no whole number: write 1, 2, 3 …".to_owned())
}

impl OwnSettings {
    fn set(&mut self, word: &str) -> Result<(), String> {
        let changes = std::mem::take(&mut self.changes);
        self.changes = match word.split_once('=') {
            Some((name, value)) => {
                let (name, value) = (name.trim(), value.trim());
                self.raises_limits |= matches!(name, "max-idle-per-host" | "max-conns-per-host");
                match set_value(changes, name, value) {
                    Some(changes) => {
                        changes.map_err(|mistake| format!("{name}={value}: {mistake}"))?
                    }
                    None if WORDS.contains(&name) => {
                        return Err(format!("{name} takes no value: write {name} alone"));
                    }
                    None => return Err(unknown(name)),
                }
            }
            None => Self::say(changes, word)?,
        };
        Ok(())
    }

    fn say(changes: OriginConfig, word: &str) -> Result<OriginConfig, String> {
        Ok(match word {
            "http1" => changes.http1_only(),
            "http2" => changes.http1_or_http2(),
            "http2-prior-knowledge" => changes.http2_only(),
            "no-keep-alive" => changes.keep_alive(false),
            "ignore-server-hint" => changes.honour_server_hint(false),
            "no-learning" => changes.learning(false),
            name if WITH_VALUE.contains(&name) => {
                return Err(format!("{name} needs a value: write {name}=…"));
            }
            name => return Err(unknown(name)),
        })
    }
}

fn unknown(name: &str) -> String {
    let over_all = match name {
        "max-idle" | "max-conns" => format!(" (--{name} is over all origins)"),
        _ => String::new(),
    };
    let (values, words) = (WITH_VALUE.join(", "), WORDS.join(", "));
    format!(
        "{name:?} is no setting of an origin{over_all}; there are {values}, and without a value {words}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_read() {
        for name in WITH_VALUE {
            let value = ["4", "4s"]
                .into_iter()
                .find(|value| read(&format!("http://a.test,{name}={value}")).is_ok());
            assert!(value.is_some(), "{name}");
        }
        for word in WORDS {
            assert!(read(&format!("http://a.test,{word}")).is_ok(), "{word}");
        }
    }

    #[test]
    fn what_is_said_last_rules_and_room_is_allowed() {
        let own = read("HTTPS://A.test:443/, http2 , http1, max-conns-per-host = 4").unwrap();
        assert!(own.raises_limits);
        let own = read("a.test,max-waiters=off").unwrap();
        assert!(own.url.starts_with("http://a.test"), "{}", own.url);
        assert!(!own.raises_limits);
    }

    #[test]
    fn mistakes_say_what_where_and_what_to_do() {
        for (text, words) in [
            ("https://a.test", "nothing differs"),
            ("ftp://a.test,http1", "http or https"),
            ("https://a.test,idle-timeout", "idle-timeout=…"),
            (
                "https://a.test,idle-timeout=5",
                "idle-timeout=5: a duration needs a unit",
            ),
            ("https://a.test,http1=yes", "write http1 alone"),
            (
                "https://a.test,max-conns=4",
                "--max-conns is over all origins",
            ),
            ("https://a.test,,http1", "\"\" is no setting"),
            ("https://a.test,max-dials-per-host=off", "1, 2, 3"),
        ] {
            let mistake = read(text).unwrap_err();
            assert!(mistake.contains(words), "{text}: {mistake}");
        }
        let Ok(Typed(Err(mistake))) = typed("https://me:secret@a.test,http1") else {
            panic!("the parser would repeat the password");
        };
        assert!(!mistake.contains("secret"), "{mistake}");
    }
}
