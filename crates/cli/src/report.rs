//! `ExchangeReport` and `Summary`: what a command learned, before it is written in any form.
//!
//! Owns the values that text and JSON are functions of. Refuses to print.

use std::net::SocketAddr;
use std::time::Duration;

use http::Method;
use keepwarm::reason::{Miss, Phase, Retry, Reuse};
use keepwarm::tls::TlsInfo;
use keepwarm::{ConnectionInfo, Counts, Ended, Error, Hop, NotFollowed, Timings};

use crate::exit::Exit;

/// One exchange that is over.
#[derive(Clone, Debug)]
pub(crate) struct ExchangeReport {
    /// Its place in the order of starting, from 1.
    pub(crate) n: u64,
    pub(crate) method: Method,
    pub(crate) url: String,
    /// The status, or what went wrong.
    pub(crate) outcome: Result<u16, Error>,
    /// Bytes of the response body that were read.
    pub(crate) bytes: u64,
    /// None when it never had one.
    pub(crate) connection: Option<ConnectionReport>,
    /// Why its connection was opened, when it was opened for it.
    pub(crate) miss: Option<Miss>,
    /// None only while the body that was dropped is still being drained.
    pub(crate) reuse: Option<Reuse>,
    /// What was decided about failed attempts.
    pub(crate) retries: Vec<Retry>,
    pub(crate) times: Times,
    /// The redirects that were followed to the answer; `url` is what was asked first.
    pub(crate) hops: Vec<HopReport>,
    /// Why a redirect was not followed although they are.
    pub(crate) not_followed: Option<NotFollowed>,
    /// The coding of the body that was undone.
    pub(crate) decoded_from: Option<&'static str>,
}

/// A redirect on the way.
#[derive(Clone, Debug)]
pub(crate) struct HopReport {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) to: String,
    pub(crate) connection: ConnectionReport,
    pub(crate) miss: Option<Miss>,
    pub(crate) times: Times,
}

impl From<&Hop> for HopReport {
    fn from(hop: &Hop) -> Self {
        Self {
            method: hop.method.clone(),
            url: hop.url.to_string(),
            status: hop.status.as_u16(),
            to: hop.to.to_string(),
            connection: (&hop.connection).into(),
            miss: hop.connection.miss,
            times: hop.timings.into(),
        }
    }
}

/// The connection of an exchange.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionReport {
    pub(crate) id: u64,
    /// None when it failed before anything told what is spoken on it.
    pub(crate) protocol: Option<&'static str>,
    pub(crate) reused: bool,
    /// Requests on it, this one included.
    pub(crate) requests: u64,
    /// None when it was new.
    pub(crate) idle: Option<Duration>,
    pub(crate) age: Duration,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    /// None for plain HTTP, and where the protocol is not known either.
    pub(crate) tls: Option<TlsInfo>,
    /// The proxy on the way, without credentials.
    pub(crate) via: Option<String>,
    /// The HTTP/2 stream.
    pub(crate) stream: Option<u32>,
    /// The origin it was opened for, when that is not the one that was called.
    pub(crate) coalesced_from: Option<String>,
}

impl From<&ConnectionInfo> for ConnectionReport {
    fn from(info: &ConnectionInfo) -> Self {
        Self {
            id: info.id.0,
            protocol: Some(info.protocol().slug()),
            reused: info.reused,
            requests: info.requests,
            idle: info.idle,
            age: info.age,
            local: info.local(),
            remote: info.remote(),
            tls: info.tls().cloned(),
            via: info.via().map(str::to_owned),
            stream: info.stream(),
            coalesced_from: info.coalesced_from().map(ToString::to_string),
        }
    }
}

/// How long each phase took; none for those that did not happen or did not end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) queue: Option<Duration>,
    pub(crate) dns: Option<Duration>,
    pub(crate) connect: Option<Duration>,
    pub(crate) tls: Option<Duration>,
    pub(crate) send: Option<Duration>,
    pub(crate) wait: Option<Duration>,
    pub(crate) receive: Option<Duration>,
    pub(crate) total: Duration,
}

impl From<Timings> for Times {
    fn from(timings: Timings) -> Self {
        Self {
            queue: Some(timings.queue),
            dns: timings.dns,
            connect: timings.connect,
            tls: timings.tls,
            send: Some(timings.send),
            wait: Some(timings.wait),
            receive: timings.receive,
            total: timings.total,
        }
    }
}

/// All exchanges of a command together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) exchanges: u64,
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    /// Of the failed ones, those for which no connection could be opened.
    unreachable: u64,
    pub(crate) opened: u64,
    /// Exchanges that ended on a connection that had served before. (The pool counts each sending; after a retry
    /// only the last one tells whether the exchange was spared a dial.)
    pub(crate) reused: u64,
    pub(crate) closed: Vec<Ended>,
    /// Requests that were sent again.
    pub(crate) retries: u64,
    /// Ended before all was done.
    pub(crate) interrupted: bool,
}

impl Summary {
    /// Takes one more exchange in.
    pub(crate) fn note(&mut self, report: &ExchangeReport) {
        self.exchanges += 1;
        self.reused += u64::from(
            report
                .connection
                .as_ref()
                .is_some_and(|connection| connection.reused),
        );
        match &report.outcome {
            Ok(_) => self.ok += 1,
            Err(error) => {
                self.failed += 1;
                // A server that is there and fails in TLS is a finding.
                if matches!(error.phase(), Phase::Dns | Phase::Connect) {
                    self.unreachable += 1;
                }
            }
        }
    }

    /// Takes the pool's numbers, before the command itself closes anything.
    pub(crate) fn take_counts(&mut self, counts: &Counts) {
        self.opened = counts.opened;
        self.closed.clone_from(&counts.closed);
        self.closed
            .sort_by_key(|end| (std::cmp::Reverse(end.count), end.reason.slug()));
        self.retries = counts.sent_again();
    }

    /// The share of exchanges that found a warm connection, in whole percent, rounded down: 100 means all.
    pub(crate) fn reused_percent(&self) -> u64 {
        (self.reused * 100).checked_div(self.exchanges).unwrap_or(0)
    }

    pub(crate) fn exit(&self) -> Exit {
        if self.interrupted {
            Exit::Interrupted
        } else if self.failed == 0 {
            Exit::Fine
        } else if self.ok == 0 && self.unreachable == self.failed {
            Exit::Unreachable
        } else {
            Exit::Finding
        }
    }
}
