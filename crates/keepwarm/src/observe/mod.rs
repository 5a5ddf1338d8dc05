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

#[cfg(feature = "report")]
mod json_lines;
mod recorder;
mod several;

#[cfg(feature = "report")]
pub use json_lines::JsonLines;
pub use recorder::Recorder;
pub use several::Several;
