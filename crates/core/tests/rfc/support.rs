//! What the section files of RFC 9110 and RFC 9112 share: an answer read to its end, a request written.
//!
//! Owns helpers without opinions; in their texts `|` stands for a line end. Refuses to know the rules.

#![allow(dead_code, reason = "each section uses its own share of the helpers")]

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keepwarm_core::h1::{
    BodyLength, Exchange, HeadExtras, HostPort, Limits, Received, RequestShape, ResponseHead,
    request_head,
};
use keepwarm_core::reason::{CloseReason, ProtocolFault, Reuse};

pub(crate) const GET: RequestShape = RequestShape {
    head: false,
    connect: false,
    close: false,
    upgrade: false,
    expect_continue: false,
    body: BodyLength::Empty,
};
pub(crate) const HEAD: RequestShape = RequestShape { head: true, ..GET };
pub(crate) const CONNECT: RequestShape = RequestShape {
    connect: true,
    ..GET
};
pub(crate) const UPGRADE: RequestShape = RequestShape {
    upgrade: true,
    ..GET
};

/// A request to `h` without a body and without wishes.
pub(crate) const PLAIN: HeadExtras<'static> = HeadExtras {
    host: Some(HostPort {
        host: "h",
        port: None,
    }),
    close: false,
    length: BodyLength::Empty,
    expect_continue: false,
    user_agent: None,
};

/// All that came of some bytes from a server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) interim: Vec<ResponseHead>,
    pub(crate) head: Option<ResponseHead>,
    pub(crate) switched: bool,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) complete: bool,
    pub(crate) fault: Option<ProtocolFault>,
    pub(crate) reuse: Reuse,
    /// What was left behind the answer.
    pub(crate) leftover: Vec<u8>,
}

impl Answer {
    /// The final head.
    pub(crate) fn head(&self) -> &ResponseHead {
        self.head.as_ref().expect("a final head")
    }

    /// Why the connection must not serve again; none when it may.
    pub(crate) fn why(&self) -> Option<CloseReason> {
        self.reuse.primary().copied()
    }
}

/// The bytes that a text stands for.
pub(crate) fn wire(text: &str) -> Vec<u8> {
    text.replace('|', "\r\n").into_bytes()
}

/// Reads the bytes as the answer to a request that was sent whole; the connection stays open behind them.
pub(crate) fn answer_bytes(shape: RequestShape, bytes: &[u8]) -> Answer {
    read(shape, bytes, false)
}

/// As [`answer_bytes`], with a text.
pub(crate) fn answer(shape: RequestShape, text: &str) -> Answer {
    read(shape, &wire(text), false)
}

/// As [`answer`], and behind it the server ends its stream.
pub(crate) fn answer_and_end(shape: RequestShape, text: &str) -> Answer {
    read(shape, &wire(text), true)
}

fn read(shape: RequestShape, bytes: &[u8], ends: bool) -> Answer {
    let mut exchange = Exchange::new(shape, Limits::default());
    exchange.on_head_sent();
    exchange.on_body_sent();
    let mut buffer = BytesMut::from(bytes);
    let mut answer = Answer {
        interim: Vec::new(),
        head: None,
        switched: false,
        body: Vec::new(),
        trailers: None,
        complete: false,
        fault: None,
        reuse: Reuse::Keep,
        leftover: Vec::new(),
    };
    loop {
        match exchange.receive(&mut buffer) {
            Ok(Some(Received::Interim(head))) => answer.interim.push(head),
            Ok(Some(Received::Head(head))) => answer.head = Some(head),
            Ok(Some(Received::Switched(head))) => {
                answer.head = Some(head);
                answer.switched = true;
            }
            Ok(Some(Received::Data(data))) => answer.body.extend_from_slice(&data),
            Ok(Some(Received::Trailers(trailers))) => answer.trailers = Some(trailers),
            Ok(Some(Received::End)) => {}
            Ok(None) => break,
            Err(fault) => {
                answer.fault = Some(fault);
                break;
            }
        }
    }
    if ends && answer.fault.is_none() {
        answer.fault = exchange.receive_end(buffer.len()).err();
    }
    answer.complete = exchange.is_complete();
    answer.reuse = exchange.verdict(buffer.len());
    answer.leftover = buffer.to_vec();
    answer
}

/// Fails unless the answer is refused with this fault, and its connection with it.
pub(crate) fn refuses(shape: RequestShape, text: &str, fault: ProtocolFault) {
    let answer = answer(shape, text);
    assert_eq!(answer.fault, Some(fault), "{text:?}");
    let why = CloseReason::PeerBrokeProtocol(fault);
    assert_eq!(answer.why(), Some(why), "{text:?}");
}

/// The fields of a request.
pub(crate) fn fields(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        map.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    map
}

/// A request's head as it is written, `|` for its line ends.
pub(crate) fn request(
    method: &Method,
    target: &str,
    lines: &[(&str, &str)],
    extras: &HeadExtras<'_>,
) -> String {
    let mut out = Vec::new();
    request_head(&mut out, method, target, &fields(lines), extras);
    let text = String::from_utf8(out).expect("the fields are ASCII");
    text.replace("\r\n", "|")
}
