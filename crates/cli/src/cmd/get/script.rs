//! `Script`: the lines of one exchange that wait, because what they tell is not known yet.
//!
//! Events do not name a redirect's URL: the answer tells it. Owns which lines wait and how they are completed. Refuses
//! to know when they are written.

use http::Method;
use keepwarm::event::ConnectionId;
use keepwarm::tls::TlsInfo;
use keepwarm::{ConnectionInfo, Hop};

use crate::out::verbose;

/// What was told of a connection when it opened.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) protocol: &'static str,
    pub(super) tls: Option<TlsInfo>,
    pub(super) via: Option<String>,
}

/// The lines of a request, in each form it may be sent in.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) http1: Vec<String>,
    /// HTTP/1.1 to a proxy that forwards it: with the whole URL (RFC 9112 §3.2.2).
    pub(super) forwarded: Vec<String>,
    pub(super) http2: Vec<String>,
    /// Whether there is TLS to tell of before the request.
    pub(super) is_encrypted: bool,
}

impl Known {
    /// The lines about it.
    pub(super) fn introduction(&self) -> impl Iterator<Item = String> + use<> {
        let via = self.via.as_deref().map(verbose::through);
        let tls = self.tls.as_ref().map(verbose::encrypted);
        via.into_iter().chain(tls)
    }
}

impl Asked {
    /// The lines as they are on this connection.
    pub(super) fn lines(&self, known: &Known) -> Vec<String> {
        let by_http = (known.via.as_deref()).is_some_and(|via| via.starts_with("http"));
        self.of_protocol(known.protocol, by_http && !self.is_encrypted)
    }

    fn of_protocol(&self, protocol: &str, is_forwarded: bool) -> Vec<String> {
        match protocol {
            "h2" => &self.http2,
            _ if is_forwarded => &self.forwarded,
            _ => &self.http1,
        }
        .clone()
    }
}

/// The head of the last answer, and the way to it.
pub(super) struct Answer<'a> {
    pub(super) connection: &'a ConnectionInfo,
    pub(super) hops: &'a [Hop],
    /// The lines of the head.
    pub(super) lines: Vec<String>,
}

#[derive(Default)]
pub(super) struct Script {
    items: Vec<Item>,
}

enum Item {
    /// The head of an answer came.
    Head {
        call: usize,
        connection: ConnectionId,
        status: u16,
    },
    Line(String),
    /// A request was sent.
    Request {
        call: usize,
        connection: ConnectionId,
        method: Method,
        origin: String,
    },
}

impl Script {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn line(&mut self, line: String) {
        self.items.push(Item::Line(line));
    }

    /// The call is counted from 0: each redirect is one more.
    pub(super) fn request(
        &mut self,
        call: usize,
        connection: ConnectionId,
        method: Method,
        origin: String,
    ) {
        self.items.push(Item::Request {
            call,
            connection,
            method,
            origin,
        });
    }

    pub(super) fn head(&mut self, call: usize, connection: ConnectionId, status: u16) {
        self.items.push(Item::Head {
            call,
            connection,
            status,
        });
    }

    /// All lines, in their order. `known` tells of a connection what is known of it.
    pub(super) fn perform(
        self,
        asked: &Asked,
        answer: Option<Answer<'_>>,
        known: impl Fn(ConnectionId) -> Option<Known>,
    ) -> Vec<String> {
        let hops = answer.as_ref().map_or(&[][..], |answer| answer.hops);
        let is_head = |item: &Item| matches!(item, Item::Head { call, .. } if *call >= hops.len());
        let last_head = self.items.iter().rposition(is_head);
        let protocol = |connection| known(connection).map(|known| known.protocol);
        let mut answer = answer;
        let mut lines = Vec::new();
        for (at, item) in self.items.into_iter().enumerate() {
            match item {
                Item::Line(line) => lines.push(line),
                Item::Request {
                    call: 0,
                    connection,
                    ..
                } => {
                    let known = known(connection);
                    lines.extend(known.iter().flat_map(|known| asked.lines(known)));
                }
                Item::Request {
                    call,
                    connection,
                    method,
                    origin,
                } => match hops.get(call - 1) {
                    Some(hop) => {
                        let protocol = protocol(connection);
                        lines.extend(verbose::following(&method, &hop.to, protocol));
                    }
                    None => lines.push(verbose::following_somewhere(&method, &origin)),
                },
                Item::Head {
                    call,
                    connection,
                    status,
                } => match (hops.get(call), &mut answer) {
                    (Some(hop), _) => lines.extend(redirected(hop)),
                    (None, Some(answer)) if last_head == Some(at) => lines.extend(told(answer)),
                    (None, _) => lines.push(verbose::status(status, protocol(connection))),
                },
            }
        }
        if let Some(answer) = answer.as_mut().filter(|_| last_head.is_none()) {
            lines.extend(told(answer));
        }
        lines
    }
}

fn told(answer: &mut Answer<'_>) -> Vec<String> {
    let stream = stream(answer.connection);
    stream
        .into_iter()
        .chain(std::mem::take(&mut answer.lines))
        .collect()
}

fn stream(info: &ConnectionInfo) -> Option<String> {
    info.stream().map(|stream| verbose::stream(info.id, stream))
}

fn redirected(hop: &Hop) -> Vec<String> {
    let mut lines: Vec<String> = stream(&hop.connection).into_iter().collect();
    let protocol = hop.connection.protocol().slug();
    lines.push(verbose::status(hop.status.as_u16(), Some(protocol)));
    lines.push("<".to_owned());
    lines.push(verbose::redirected(&hop.to));
    lines
}
