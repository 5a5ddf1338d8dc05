//! Observers: where events go.
//!
//! Owns what hands events on: to memory, to a file, to several at once. Refuses to know the client: an observer sees
//! the words of [`crate::event`] and nothing else, so it can never reach back.
//!
//! | observer | what it does | feature |
//! |---|---|---|
//! | [`Recorder`] | keeps the latest events in memory | |
//! | [`Several`] | hands each event to several observers | |
//! | [`JsonLines`] | writes each event as a line of JSON | `report` |
//! | [`Advisor`] | tells causes of lost connections, each once an hour | `report` |
//! | [`Prometheus`] | counts, and gives the numbers as text for Prometheus | `prometheus` |
//! | [`Tracing`] | spans and events of the crate `tracing` | `tracing` |
//! | [`OpenTelemetry`] | counts into an OpenTelemetry meter | `opentelemetry` |

#[cfg(feature = "report")]
mod advisor;
#[cfg(feature = "report")]
mod json_lines;
#[cfg(any(feature = "opentelemetry", feature = "prometheus"))]
mod metrics;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
#[cfg(feature = "prometheus")]
mod prometheus;
mod recorder;
mod several;
#[cfg(feature = "tracing")]
mod tracing;
#[cfg(any(feature = "opentelemetry", feature = "prometheus", feature = "tracing"))]
mod under_way;

#[cfg(feature = "opentelemetry")]
pub use self::opentelemetry::OpenTelemetry;
#[cfg(feature = "tracing")]
pub use self::tracing::Tracing;
#[cfg(feature = "report")]
pub use advisor::{Advised, Advisor};
#[cfg(feature = "report")]
pub use json_lines::JsonLines;
#[cfg(feature = "prometheus")]
pub use prometheus::Prometheus;
pub use recorder::Recorder;
pub use several::Several;
