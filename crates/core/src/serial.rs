//! How the words are written as JSON, where a plain derive would not do.
//!
//! Owns the forms of times (whole microseconds), of kinds of failure and of what a dial came to. Refuses to know any
//! file: it is there only with the feature `serde`.

/// A duration in whole microseconds.
pub(crate) mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(it: &Duration, out: S) -> Result<S::Ok, S::Error> {
        u64::try_from(it.as_micros())
            .unwrap_or(u64::MAX)
            .serialize(out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }
}

/// The same, or null.
pub(crate) mod micros_or_none {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        it: &Option<Duration>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        it.map(|it| u64::try_from(it.as_micros()).unwrap_or(u64::MAX))
            .serialize(out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_micros))
    }
}

/// What is written as it is displayed, and read by parsing.
pub(crate) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<T: Display, S: Serializer>(it: &T, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(it)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr,
        T::Err: Display,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// The kind of a socket's failure, by the name that the standard library gives it.
pub(crate) mod error_kind {
    use std::io::ErrorKind;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Those that a socket meets; another one is read as `Other`.
    const KNOWN: &[ErrorKind] = &[
        ErrorKind::AddrInUse,
        ErrorKind::AddrNotAvailable,
        ErrorKind::BrokenPipe,
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionReset,
        ErrorKind::HostUnreachable,
        ErrorKind::Interrupted,
        ErrorKind::InvalidData,
        ErrorKind::InvalidInput,
        ErrorKind::NetworkDown,
        ErrorKind::NetworkUnreachable,
        ErrorKind::NotConnected,
        ErrorKind::NotFound,
        ErrorKind::OutOfMemory,
        ErrorKind::PermissionDenied,
        ErrorKind::TimedOut,
        ErrorKind::UnexpectedEof,
        ErrorKind::Unsupported,
        ErrorKind::WouldBlock,
        ErrorKind::WriteZero,
    ];

    pub(crate) fn serialize<S: Serializer>(it: &ErrorKind, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&format_args!("{it:?}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ErrorKind, D::Error> {
        let name = String::deserialize(from)?;
        let known = KNOWN.iter().find(|kind| format!("{kind:?}") == name);
        Ok(known.copied().unwrap_or(ErrorKind::Other))
    }
}

/// A variant that holds nothing but a name, as an object with one field of its own.
macro_rules! named {
    ($module:ident, $type:ty, $field:ident) => {
        pub(crate) mod $module {
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            #[derive(Serialize, Deserialize)]
            struct Form {
                $field: $type,
            }

            pub(crate) fn serialize<S: Serializer>(it: &$type, out: S) -> Result<S::Ok, S::Error> {
                Form { $field: *it }.serialize(out)
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
                from: D,
            ) -> Result<$type, D::Error> {
                Form::deserialize(from).map(|form| form.$field)
            }
        }
    };
}

named!(limit, crate::reason::Limit, limit);
named!(part, crate::reason::KeyPart, part);

/// What a dial came to: `{"connection": 3}` or `{"error": "…"}`.
pub(crate) mod outcome {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::event::ConnectionId;

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Form {
        Connection(ConnectionId),
        Error(String),
    }

    pub(crate) fn serialize<S: Serializer>(
        it: &Result<ConnectionId, String>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        match it {
            Ok(connection) => Form::Connection(*connection).serialize(out),
            Err(error) => Form::Error(error.clone()).serialize(out),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Result<ConnectionId, String>, D::Error> {
        Ok(match Form::deserialize(from)? {
            Form::Connection(connection) => Ok(connection),
            Form::Error(error) => Err(error),
        })
    }
}

/// A verdict: the list of what stands against reuse, empty when nothing does.
mod verdict {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::reason::{CloseReason, Reuse};

    impl Serialize for Reuse {
        fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
            self.reasons().serialize(out)
        }
    }

    impl<'de> Deserialize<'de> for Reuse {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let reasons = Vec::<CloseReason>::deserialize(from)?;
            Ok(reasons.into_iter().fold(Self::Keep, Self::also))
        }
    }
}
