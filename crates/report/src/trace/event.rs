//! `Event`: one trace event, as it is written.
//!
//! Owns the field names of the format. Refuses to know what is traced.

use serde::{Serialize, Serializer};

/// The kind of an event, `ph`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    AsyncBegin,
    AsyncEnd,
    Counter,
    FlowBegin,
    FlowEnd,
    Instant,
    Metadata,
    Slice,
}

impl Serialize for Phase {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(match self {
            Self::AsyncBegin => "b",
            Self::AsyncEnd => "e",
            Self::Counter => "C",
            Self::FlowBegin => "s",
            Self::FlowEnd => "f",
            Self::Instant => "i",
            Self::Metadata => "M",
            Self::Slice => "X",
        })
    }
}

/// One event; what its kind does not have is none.
#[derive(Debug, Serialize)]
pub(super) struct Event<'a, A> {
    ph: Phase,
    pid: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tid: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dur: Option<u64>,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    cat: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// A number: Perfetto takes no other for flows.
    pub(super) id: Option<u64>,
    /// The scope of an instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    /// What a flow's end binds to: the slice around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) args: Option<A>,
}

impl<'a, A> Event<'a, A> {
    pub(super) fn new(ph: Phase, pid: u64, cat: &'a str, name: &'a str) -> Self {
        Self {
            ph,
            pid,
            tid: None,
            ts: None,
            dur: None,
            name,
            cat,
            id: None,
            s: matches!(ph, Phase::Instant).then_some("t"),
            bp: matches!(ph, Phase::FlowEnd).then_some("e"),
            args: None,
        }
    }

    pub(super) fn at(mut self, ts: u64) -> Self {
        self.ts = Some(ts);
        self
    }
}

/// The arguments of an event without any.
#[derive(Debug, Serialize)]
pub(super) enum NoArgs {}

impl<'a> Event<'a, NoArgs> {
    pub(super) fn plain(ph: Phase, pid: u64, cat: &'a str, name: &'a str) -> Self {
        Self::new(ph, pid, cat, name)
    }
}
