//! `OriginConfig`: what differs for one origin. `Origins`: which settings hold for which.
//!
//! Owns the finding of an origin's settings, which each pool does once. Refuses to know what the settings do.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;
use http::Uri;
use keepwarm_core::origin::{Origin, OriginRef};

use super::{Config, Limits, Settings, Versions};
use crate::error::{Error, Result};
use crate::target::IntoUrl;

/// What differs for one origin from the client's settings; given to [`Config::origin`].
///
/// What is not set here is as in [`Config`], also after [`Client::retune`](crate::Client::retune): that changes the
/// client's limits, and those set here stay in force over them. Where a setting takes an `Option`, none means "no
/// limit", as it does there. `max_idle` and `max_conns` are over all origins, so they are not here; nor is what chooses
/// how an origin is reached and trusted (proxies, TLS, names).
///
/// ```
/// use std::time::Duration;
/// use keepwarm::{Client, OriginConfig};
///
/// # fn main() -> keepwarm::Result<()> {
/// let slow = OriginConfig::new()
///     .max_conns_per_host(4)
///     .queue_timeout(Duration::from_secs(2))
///     .response_header_timeout(Duration::from_secs(120));
/// let client = Client::builder()
///     .response_header_timeout(Duration::from_secs(10))
///     .origin("https://reports.example.com", slow)
///     .build()?;
/// # drop(client); Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it does nothing until it is given to `Config::origin`"]
pub struct OriginConfig {
    limits: LimitChanges,
    settings: SettingChanges,
    versions: Option<Versions>,
    #[cfg(feature = "http2")]
    http2: Option<crate::http2::Http2>,
}

/// A group of settings each of which may be changed: its type, how it is applied, and a setter for each.
macro_rules! changes {
    (
        $(#[$about:meta])*
        $group:ident: $name:ident of $whole:ty;
        $($(#[$doc:meta])* $field:ident: $type:ty, from $given:ty => $($path:ident).+;)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(super) struct $name {
            $($field: Option<$type>,)*
        }

        impl $name {
            /// Sets what differs.
            pub(super) fn apply(&self, whole: &mut $whole) {
                $(if let Some(value) = self.$field {
                    whole.$($path).+ = value;
                })*
            }

            /// What was set later rules.
            fn and(self, later: Self) -> Self {
                Self {
                    $($field: later.$field.or(self.$field),)*
                }
            }
        }

        impl OriginConfig {
            $($(#[$doc])*
            pub fn $field(mut self, value: $given) -> Self {
                self.$group.$field = Some(value.into());
                self
            })*
        }
    };
}

changes! {
    /// What differs from the limits of the pool.
    limits: LimitChanges of Limits;
    /// See [`Limits::keep_alive`].
    keep_alive: bool, from bool => keep_alive;
    /// See [`Limits::max_idle_per_host`].
    max_idle_per_host: Option<usize>, from impl Into<Option<usize>> => max_idle_per_host;
    /// See [`Limits::max_conns_per_host`].
    max_conns_per_host: Option<usize>, from impl Into<Option<usize>> => max_conns_per_host;
    /// See [`Limits::max_dials_per_host`].
    max_dials_per_host: usize, from usize => max_dials_per_host;
    /// See [`Limits::idle_timeout`].
    idle_timeout: Option<Duration>, from impl Into<Option<Duration>> => idle_timeout;
    /// See [`Limits::max_lifetime`].
    max_lifetime: Option<Duration>, from impl Into<Option<Duration>> => max_lifetime;
    /// See [`Limits::max_requests_per_connection`].
    max_requests_per_connection: Option<u64>, from impl Into<Option<u64>> => max_requests_per_connection;
    /// See [`Limits::max_waiters`].
    max_waiters: Option<usize>, from impl Into<Option<usize>> => max_waiters;
    /// See [`Limits::honour_server_hint`].
    honour_server_hint: bool, from bool => honour_server_hint;
    /// See [`Limits::learning`].
    learning: bool, from bool => learning;
}

changes! {
    /// What differs from the settings of exchanges and connections.
    settings: SettingChanges of Settings;
    /// See [`Config::connect_timeout`]. A [`Dialer`](crate::dial::Dialer) of one's own that wraps another passes it on
    /// with [`dial_within`](crate::dial::Dialer::dial_within).
    connect_timeout: Option<Duration>, from impl Into<Option<Duration>> => timeouts.connect;
    /// See [`Config::proxy_handshake_timeout`]: for connections to this origin that go through a proxy.
    proxy_handshake_timeout: Option<Duration>, from impl Into<Option<Duration>> => timeouts.proxy_handshake;
    /// See [`Config::tls_handshake_timeout`].
    tls_handshake_timeout: Option<Duration>, from impl Into<Option<Duration>> => timeouts.tls_handshake;
    /// See [`Config::response_header_timeout`].
    response_header_timeout: Option<Duration>, from impl Into<Option<Duration>> => timeouts.response_header;
    /// See [`Config::write_stall_timeout`].
    write_stall_timeout: Option<Duration>, from impl Into<Option<Duration>> => timeouts.write_stall;
    /// See [`Config::read_idle_timeout`].
    read_idle_timeout: Option<Duration>, from impl Into<Option<Duration>> => timeouts.read_idle;
    /// See [`Config::queue_timeout`].
    queue_timeout: Option<Duration>, from impl Into<Option<Duration>> => timeouts.queue;
    /// See [`Config::total_timeout`]. A request's own comes first. It goes with the call over redirects: the origin
    /// that redirects leads to has its own for its hop when the first has none.
    total_timeout: Option<Duration>, from impl Into<Option<Duration>> => timeouts.total;
    /// See [`Config::expect_timeout`].
    expect_timeout: Option<Duration>, from impl Into<Option<Duration>> => expect_timeout;
    /// See [`Config::drain_bytes`].
    drain_bytes: u64, from u64 => drain_bytes;
    /// See [`Config::drain_time`].
    drain_time: Duration, from Duration => drain_time;
    /// See [`Config::max_head_bytes`].
    max_head_bytes: usize, from usize => heads.head_bytes;
    /// See [`Config::max_header_fields`].
    max_header_fields: usize, from usize => heads.header_fields;
    /// See [`Config::max_decode_ratio`].
    max_decode_ratio: Option<u64>, from impl Into<Option<u64>> => max_decode_ratio;
}

impl OriginConfig {
    /// Nothing differs.
    pub fn new() -> Self {
        Self::default()
    }

    /// See [`Config::http1_only`].
    pub fn http1_only(mut self) -> Self {
        self.versions = Some(Versions::Http1);
        self
    }

    /// See [`Config::http2_only`].
    #[cfg(feature = "http2")]
    pub fn http2_only(mut self) -> Self {
        self.versions = Some(Versions::Http2);
        self
    }

    /// On `https` what the server chooses of HTTP/2 and HTTP/1.1, on `http` HTTP/1.1: as [`Config`] does by itself, for
    /// a client that was told otherwise.
    #[cfg(feature = "http2")]
    pub fn http1_or_http2(mut self) -> Self {
        self.versions = Some(Versions::Both);
        self
    }

    /// See [`Config::http2`]. All of its numbers: what is not chosen is the default, not the client's.
    #[cfg(feature = "http2")]
    pub fn http2(mut self, http2: crate::http2::Http2) -> Self {
        self.http2 = Some(http2);
        self
    }

    /// Both; what was set later rules.
    fn and(self, later: Self) -> Self {
        Self {
            limits: self.limits.and(later.limits),
            settings: self.settings.and(later.settings),
            versions: later.versions.or(self.versions),
            #[cfg(feature = "http2")]
            http2: later.http2.or(self.http2),
        }
    }

    /// The client's settings with what differs.
    fn over(&self, common: &Settings) -> Settings {
        let mut settings = Settings {
            limits: self.limits.clone(),
            ..common.clone()
        };
        self.settings.apply(&mut settings);
        if let Some(versions) = self.versions {
            settings.versions = versions;
        }
        #[cfg(feature = "http2")]
        if let Some(http2) = &self.http2 {
            settings.http2.clone_from(http2);
        }
        settings
    }
}

/// What was given to [`Config::origin`], in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given(Vec<(Result<Origin>, OriginConfig)>);

impl Given {
    fn add(&mut self, origin: Result<Origin>, changes: OriginConfig) {
        let same = |it: &&mut (Result<Origin>, OriginConfig)| matches!((&it.0, &origin), (Ok(a), Ok(b)) if a == b);
        match self.0.iter_mut().find(same) {
            Some((_, known)) => *known = std::mem::take(known).and(changes),
            None => self.0.push((origin, changes)),
        }
    }

    /// Refuses what names no origin, and settings that cannot work for theirs.
    pub(super) fn check(&self, limits: &Limits, settings: &Settings) -> Result<()> {
        for (origin, changes) in &self.0 {
            let origin = origin.as_ref().map_err(Clone::clone)?;
            let settings = changes.over(settings);
            let checked = settings
                .check()
                .and_then(|()| settings.limits(limits).check());
            checked.map_err(|error| Error::usage(format!("for the origin {origin}: {error}")))?;
        }
        Ok(())
    }
}

impl Config {
    /// Other settings for one origin: those of its URL's scheme, host and port, the scheme's own port where it names
    /// none. May be given for many origins; given again for the same one, it adds to what was given, and the later
    /// value of a setting rules. Default: all origins have the client's settings.
    ///
    /// A URL that names no origin, or more than one (it has a path), and settings that cannot work are told by
    /// [`Config::build`], with the origin they were meant for.
    #[must_use]
    pub fn origin(mut self, url: impl IntoUrl, settings: OriginConfig) -> Self {
        self.origins.add(read(url), settings);
        self
    }
}

/// Reads an origin. The error does not repeat the text: it may hold a password.
fn read(url: impl IntoUrl) -> Result<Origin> {
    let refused = |why: &str| {
        let message = format!(
            "`origin` takes a scheme, a host and perhaps a port, like https://api.example.com:8443: {why}"
        );
        Error::usage(message)
    };
    let target = url
        .into_target()
        .map_err(|error| refused(&error.to_string()))?;
    if target.credentials.is_some() {
        return Err(refused("user information is not a part of an origin"));
    }
    let origin = Origin::of(&target.uri).map_err(|error| refused(&error.to_string()))?;
    match target.uri.path_and_query().map(|path| path.as_str()) {
        None | Some("" | "/") => Ok(origin),
        Some(path) => Err(refused(&format!(
            "leave {path} out, for the settings hold for all of {origin}"
        ))),
    }
}

/// Which settings hold for which origin.
pub(crate) struct Origins {
    common: Arc<Settings>,
    own: HashTable<(Origin, Arc<Settings>)>,
}

impl Origins {
    pub(crate) fn of(config: &Config) -> Self {
        let mut own = HashTable::new();
        for (origin, changes) in &config.origins.0 {
            // `Config::check` has refused what is none.
            if let Ok(origin) = origin {
                let settings = Arc::new(changes.over(&config.settings));
                let hash = origin.parts().hash_code();
                own.insert_unique(hash, (origin.clone(), settings), |(origin, _)| {
                    origin.parts().hash_code()
                });
            }
        }
        Self {
            common: Arc::new(config.settings.clone()),
            own,
        }
    }

    /// The settings of an origin.
    #[inline]
    pub(crate) fn settings(&self, parts: &OriginRef<'_>) -> &Arc<Settings> {
        if self.own.is_empty() {
            return &self.common;
        }
        let found = self
            .own
            .find(parts.hash_code(), |(origin, _)| origin.matches(parts));
        found.map_or(&self.common, |(_, settings)| settings)
    }

    /// The settings of a URL's origin; the client's when it has none.
    pub(crate) fn settings_of(&self, uri: &Uri) -> &Arc<Settings> {
        OriginRef::of(uri).map_or(&self.common, |parts| self.settings(&parts))
    }
}
