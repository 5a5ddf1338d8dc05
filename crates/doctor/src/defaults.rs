//! The table of defaults: how long servers, balancers and clients keep idle connections unless told otherwise.
//!
//! Owns its form. The data is `data/defaults.json`, so that it can be corrected without code: each value with its
//! source and the date at which that was read. Refuses values without a source.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

const DATA: &str = include_str!("../data/defaults.json");

static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_json::from_str(DATA).expect("a test reads the table"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    version: String,
    defaults: Vec<Default>,
}

/// One default of one product.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Default {
    /// The product.
    pub product: String,
    /// Its versions, in words; empty: all that are in use.
    pub versions: String,
    /// `server`, `cloud` or `client`.
    pub kind: Kind,
    /// The value in words, as it stands in its documentation.
    pub value: String,
    /// The idle timeout in seconds; none when there is none, or no single number.
    pub seconds: Option<f64>,
    /// Requests per connection, or connections kept, in words; empty when nothing is known.
    pub limits: String,
    /// Where it is written.
    pub source: String,
    /// What that is.
    pub evidence: Evidence,
    /// When it was read there, as year and month.
    pub date: String,
    /// By so many seconds it may be later: how often it looks.
    #[serde(default)]
    pub late: f64,
    /// Whether it ends each connection after one answer.
    #[serde(default)]
    pub closes: bool,
    /// How long it waits for the first request of a connection, in seconds; none when that is not known.
    #[serde(default)]
    pub before_request: Option<f64>,
    /// By so many seconds that may be later.
    #[serde(default)]
    pub before_request_late: f64,
    /// Answers on a connection before it ends; none when there is no limit, or it is not known.
    #[serde(default)]
    pub max_requests: Option<u64>,
    /// To whom it announces its idle timeout; none when that is a matter of configuration, or not known.
    #[serde(default)]
    pub announces: Option<Announces>,
    /// Whether the announcement has `max`; none when that is a matter of configuration, or not known.
    #[serde(default)]
    pub announces_max: Option<bool>,
    /// By so many seconds it ends connections later than it announces, in some of its versions.
    #[serde(default)]
    pub grace: Option<f64>,
    /// Whether it keeps connections of HTTP/1.0 when asked to; none when that is not known.
    #[serde(default)]
    pub http10: Option<bool>,
    /// Answers that end their connection, by status.
    #[serde(default)]
    pub error_close: Vec<String>,
    /// Whether it may send a 408 on idle connections.
    #[serde(default)]
    pub sends_408: bool,
    /// Response fields that name the product.
    #[serde(default)]
    pub signs: Vec<Sign>,
    /// How long it keeps idle connections towards what is behind it; none when that is not known, or it is no proxy.
    #[serde(default)]
    pub upstream: Option<Upstream>,
    /// What to write in its configuration.
    #[serde(default)]
    pub set: Option<Set>,
    /// What is known of a client.
    #[serde(default)]
    pub client: Option<Client>,
}

/// What is known of a client beside its idle timeout.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// What it is called on the command line, the first of them in output.
    pub names: Vec<String>,
    /// Idle connections it keeps for a host; none when it keeps all, or that is not known.
    #[serde(default)]
    pub idle_per_host: Option<u32>,
    /// It heeds `Keep-Alive: timeout`, less so many seconds; none when it does not, or that is not known.
    #[serde(default)]
    pub announced_less: Option<f64>,
    /// What it does with a request that met the close of a reused connection; none when that is not known.
    #[serde(default)]
    pub resends: Option<Resends>,
}

/// What a client does with a request that was written to a connection which had just ended.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resends {
    /// The caller gets an error.
    Never,
    /// It is sent once more, whatever it is.
    Once,
    /// It is sent again when that is safe: idempotent, or marked so.
    Replayable,
}

/// What to write in a product's configuration. `{s}`, `{ms}`, `{ms+1000}` and `{n}` stand for the number.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// How long it keeps idle connections of its clients.
    #[serde(default)]
    pub idle: Option<String>,
    /// How long it keeps idle connections towards what is behind it.
    #[serde(default)]
    pub upstream: Option<String>,
    /// How many requests a connection may serve.
    #[serde(default)]
    pub requests: Option<String>,
    /// That it keeps connections at all.
    #[serde(default)]
    pub keep_alive: Option<String>,
}

/// How long a proxy keeps idle connections towards what is behind it, by default.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Upstream {
    /// A setting of its own.
    Own {
        /// In seconds.
        seconds: f64,
    },
    /// The setting that holds towards clients too.
    Same,
}

/// To whom a server announces its idle timeout by default.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Announces {
    /// To everybody.
    Always,
    /// To nobody.
    Never,
    /// To who says `Connection: keep-alive`.
    WhenAsked,
}

/// A field of an answer that names a product.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Its name, in small letters.
    pub field: String,
    /// What its value contains, whatever the case.
    pub contains: String,
}

/// On which side of a connection a product stands.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It connects.
    Client,
    /// A service on the way: balancer, CDN, address translation.
    Cloud,
    /// It is connected to.
    Server,
}

/// What a value rests on.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// What its makers write.
    Documentation,
    /// What its users report: plausible, no more.
    Report,
    /// Its source code.
    SourceCode,
}

impl Evidence {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Documentation => "documentation",
            Self::Report => "user reports",
            Self::SourceCode => "source code",
        }
    }
}

impl Default {
    /// Whether a measured answer may come from it.
    pub(crate) fn is_server(&self) -> bool {
        match self.kind {
            Kind::Server => true,
            Kind::Cloud => !self.signs.is_empty(),
            Kind::Client => false,
        }
    }
}

/// The whole table.
pub fn all() -> &'static [Default] {
    &TABLE.defaults
}

/// The version of the table: the date of its last change.
pub fn version() -> &'static str {
    &TABLE.version
}

/// The rows whose product contains this, whatever the case.
pub fn of_product(name: &str) -> Vec<&'static Default> {
    let name = name.to_lowercase();
    all()
        .iter()
        .filter(|entry| entry.product.to_lowercase().contains(&name))
        .collect()
}

/// The client of this name, with its row.
pub fn client(name: &str) -> Option<(&'static Default, &'static Client)> {
    clients().find(|(_, client)| client.names.iter().any(|known| known == name))
}

/// All clients that have a name.
pub fn clients() -> impl Iterator<Item = (&'static Default, &'static Client)> {
    all()
        .iter()
        .filter_map(|row| Some((row, row.client.as_ref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_value_a_source_and_a_date() {
        assert!(all().len() > 40, "{}", all().len());
        for entry in all() {
            let name = &entry.product;
            assert!(
                !name.is_empty() && !entry.value.is_empty() && !entry.source.is_empty(),
                "{name}"
            );
            assert!(
                entry.date.len() == 7 && entry.date.starts_with("20"),
                "{name}: {}",
                entry.date
            );
            assert!(entry.seconds.is_none_or(|seconds| seconds > 0.0), "{name}");
            assert!(
                entry.late >= 0.0 && !(entry.closes && entry.seconds.is_some()),
                "{name}"
            );
            for sign in &entry.signs {
                assert_eq!(sign.field, sign.field.to_lowercase(), "{name}");
            }
        }
        assert!(version().starts_with("20"));
    }

    #[test]
    fn a_product_is_found_by_a_part_of_its_name() {
        assert!(of_product("NGINX").len() >= 2);
        assert!(of_product("no such thing").is_empty());
    }
}
