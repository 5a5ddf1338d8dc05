//! `Log`: the lines of `keepwarm lab -v`.
//!
//! Owns which entries of the transcript were told already. Refuses to keep the transcript itself.

use std::collections::BTreeMap;
use std::io::Write;

use keepwarm_lab::{ConnectionRecord, End, Entry, Timed, Transcript};

use crate::out::style::{DIM, Painted, WHY, plural};

#[derive(Default)]
pub(super) struct Log {
    /// Entries told, of connections that are not over.
    told: BTreeMap<usize, usize>,
    /// Connections seen.
    seen: usize,
}

impl Log {
    /// Writes what is new.
    pub(super) fn follow(&mut self, transcript: &Transcript) {
        let connections = transcript.connections();
        for index in self.seen..connections.len() {
            self.told.insert(index, 0);
        }
        self.seen = connections.len();
        self.told.retain(|index, told| {
            let record = &connections[*index];
            for timed in &record.entries[*told..] {
                if let Some(line) = line(record, timed) {
                    // Whoever closed our standard error does not want to read of it.
                    let _ = writeln!(anstream::stderr(), "{line}");
                }
            }
            *told = record.entries.len();
            record.end().is_none()
        });
    }
}

fn line(record: &ConnectionRecord, timed: &Timed) -> Option<String> {
    let what = match &timed.entry {
        Entry::Accepted => format!("opened by {}", record.peer),
        Entry::Ended(end) => {
            let requests = plural(record.requests().count() as u64, "request");
            let bytes = record.sent_bytes();
            let said = format!("{} after {requests}, {bytes} bytes sent", ended(*end));
            Painted(WHY, said).to_string()
        }
        Entry::HalfClosed => "half-closed by the lab".to_owned(),
        Entry::Refused(why) => format!("refused: {why}"),
        Entry::Request(request) => {
            format!("{} {} {}", request.method, request.target, request.version)
        }
        Entry::Gate(_) | Entry::Sent { .. } => return None,
    };
    let at = format!("{:>9.3} s", timed.at.as_secs_f64());
    Some(format!(
        "{}  #{:<4} {what}",
        Painted(DIM, at),
        record.number
    ))
}

fn ended(end: End) -> &'static str {
    match end {
        End::ClosedByLab => "closed by the lab",
        End::PeerClosed => "closed by the client",
        End::PeerReset => "reset by the client",
        End::ResetByLab => "reset by the lab",
    }
}
