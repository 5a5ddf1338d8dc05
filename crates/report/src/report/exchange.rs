//! `Exchange`: one bar of the picture.
//!
//! Owns what is known of one use of a connection by a call. Refuses to hold headers or bodies.

use serde::Serialize;

/// One use of a connection by a call; a call that is sent again has several, one that got no connection one without.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exchange {
    /// The call's number within its client.
    pub call: u64,
    /// Index of its source.
    pub source: usize,
    /// The number of its client within its source.
    pub client: u64,
    /// Index of its origin.
    pub origin: usize,
    /// Index of its connection; none when it got none.
    pub connection: Option<usize>,
    /// Which request on that connection, from 1; 0 without one.
    pub nth: u64,
    /// The method.
    pub method: String,
    /// Path and query; of a query only the names are kept unless asked for.
    pub target: String,
    /// When the call began, or was sent again.
    pub asked_us: u64,
    /// When it had its connection. The wait before it is time in the queue, or for the connection's opening.
    pub taken_us: Option<u64>,
    /// When the request was written whole.
    pub sent_us: Option<u64>,
    /// When the final answer's head was here.
    pub head_us: Option<u64>,
    /// When it was over: body read, dropped, or failed.
    pub ended_us: Option<u64>,
    /// How long the connection had been idle; none when it was new or shared with others at that moment.
    pub idle_us: Option<u64>,
    /// The status of the final answer.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// The slug of what stands against a further use of the connection; none: nothing.
    pub verdict: Option<String>,
    /// The same, as a sentence.
    pub verdict_text: Option<String>,
    /// What was decided about sending it again, by its slug.
    pub retry: Option<String>,
    /// Whether it was sent again.
    pub again: bool,
    /// Bytes written.
    pub sent_bytes: u64,
    /// Bytes read.
    pub received_bytes: u64,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It has an answer and is over.
    Answered,
    /// It failed.
    Failed,
    /// The events end before it does.
    Running,
}

impl Outcome {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Running => "running",
        }
    }
}

impl Exchange {
    /// Whether the connection had served before.
    pub fn is_reuse(&self) -> bool {
        self.nth > 1
    }

    /// When it was over, or the report was.
    pub fn until_us(&self, length_us: u64) -> u64 {
        self.ended_us.unwrap_or(length_us)
    }
}
