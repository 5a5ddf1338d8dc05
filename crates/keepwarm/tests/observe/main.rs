//! Observers: what they make of the events of real clients, and of events made by hand.

#![cfg(all(
    feature = "opentelemetry",
    feature = "prometheus",
    feature = "report",
    feature = "tracing"
))]

mod advisor;
mod events;
mod opentelemetry;
mod prometheus;
mod recorder;
#[path = "../support/mod.rs"]
mod support;
mod text;
mod tracing;
