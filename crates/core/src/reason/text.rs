//! The sentences: the only place with human text for reasons.
//!
//! Owns one short clause per variant, with its numbers, and one cure per reason that has one.
//! Refuses to decide anything.

use std::fmt;

use super::{Again, CloseReason, KeyPart, Limit, Miss, PeerEnd, ProtocolFault, Retry, Stop};
use crate::time::Human;

pub(super) fn close_reason(reason: &CloseReason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match *reason {
        CloseReason::AddressGone => f.write_str("the server's address left DNS"),
        CloseReason::BodyNotRead { left: Some(left) } => {
            write!(f, "the response body was not read ({left} bytes left)")
        }
        CloseReason::BodyNotRead { left: None } => {
            f.write_str("the response body was not read to its end")
        }
        CloseReason::Cancelled => f.write_str("the request was cancelled half-way"),
        CloseReason::CloseDelimited => {
            f.write_str("the response had no length, so only closing could end it")
        }
        CloseReason::GoAway => f.write_str("the server takes no more streams (GOAWAY)"),
        CloseReason::HostFull { limit } => {
            write!(f, "this origin already has its {limit} connections")
        }
        CloseReason::Http1Required => f.write_str("the server wants HTTP/1.1 (HTTP_1_1_REQUIRED)"),
        CloseReason::Http10 => f.write_str("the server speaks HTTP/1.0 without keep-alive"),
        CloseReason::IdleTooLong { idle, limit } => {
            write!(f, "idle for {}, allowed {}", Human(idle), Human(limit))
        }
        CloseReason::IoError { kind } => write!(f, "the connection failed ({kind})"),
        CloseReason::Misdirected => {
            f.write_str("the server does not serve this origin on it (421 Misdirected Request)")
        }
        CloseReason::NoContinue => {
            f.write_str("the server answered instead of saying 100 Continue")
        }
        CloseReason::PeerBrokeProtocol(broken) => {
            write!(f, "the server broke the protocol: {broken}")
        }
        CloseReason::PeerClosedIdle { how, idle } => {
            let verb = match how {
                PeerEnd::CloseNotify | PeerEnd::Fin | PeerEnd::GoAway | PeerEnd::RequestTimeout => {
                    "closed"
                }
                PeerEnd::Reset => "reset",
            };
            write!(f, "the server {verb} it after {} idle", Human(idle))
        }
        CloseReason::PeerSaidClose => f.write_str("the server said Connection: close"),
        CloseReason::PoolFull { limit } => {
            write!(f, "the pool already holds its {limit} idle connections")
        }
        CloseReason::PoolOff => f.write_str("keep-alive is switched off"),
        CloseReason::RequestNotSent => {
            f.write_str("the answer came before the request was sent whole")
        }
        CloseReason::RuntimeGone => f.write_str("the runtime that drove it is gone"),
        CloseReason::ShutDown => f.write_str("the client closes its connections"),
        CloseReason::StrayBytes { bytes } => {
            write!(f, "{bytes} bytes arrived that belong to no response")
        }
        CloseReason::SwitchedProtocols => f.write_str("it speaks another protocol now"),
        CloseReason::TimedOut(limit) => write!(f, "the {} ran out", limit_name(limit)),
        CloseReason::TooOld { age, limit } => {
            write!(f, "{} old, allowed {}", Human(age), Human(limit))
        }
        CloseReason::UsedUp { requests, limit } => {
            write!(f, "it served {requests} requests, allowed {limit}")
        }
        CloseReason::WeSaidClose => f.write_str("our request said Connection: close"),
    }
}

/// What to do about a reason; none where it is as it should be.
pub fn cure(reason: &CloseReason) -> Option<&'static str> {
    match reason {
        CloseReason::BodyNotRead { .. } => Some(
            "read each body to its end (or call drain) before you drop it, or raise drain_bytes and drain_time",
        ),
        CloseReason::Cancelled => {
            Some("a cancelled exchange costs its connection: cancel less, or raise the time limit")
        }
        CloseReason::CloseDelimited => Some(
            "let the server send Content-Length or chunked; behind nginx set proxy_http_version 1.1",
        ),
        CloseReason::HostFull { .. } => Some("raise max_idle_per_host to your concurrency"),
        CloseReason::Http10 => Some(
            "make the server (or the proxy before it) speak HTTP/1.1, or answer Connection: keep-alive",
        ),
        CloseReason::IdleTooLong { .. } => {
            Some("raise idle_timeout, but keep it below the server's keep-alive timeout")
        }
        CloseReason::PeerClosedIdle { .. } => {
            Some("set idle_timeout below the server's keep-alive timeout, or raise the server's")
        }
        CloseReason::PeerSaidClose => Some(
            "find what makes the server say close: its request limit, its keep-alive switch, an error page",
        ),
        CloseReason::Http1Required => {
            Some("speak HTTP/1.1 to this origin from the start (http1_only)")
        }
        CloseReason::Misdirected => {
            Some("give each host of the server a certificate and a name of its own (SNI)")
        }
        CloseReason::PoolFull { .. } => Some("raise max_idle"),
        CloseReason::PoolOff => Some("switch keep-alive on"),
        CloseReason::RequestNotSent | CloseReason::NoContinue => Some(
            "the server refuses the body: check the answer's status before you upload (Expect: 100-continue)",
        ),
        CloseReason::RuntimeGone => Some("keep one runtime, or one client per runtime"),
        CloseReason::StrayBytes { .. } | CloseReason::PeerBrokeProtocol(_) => {
            Some("the server's framing is wrong: look at its raw answer")
        }
        CloseReason::UsedUp { .. } => {
            Some("raise max_requests_per_connection, or the server's keepalive_requests")
        }
        CloseReason::WeSaidClose => Some("do not send Connection: close"),
        CloseReason::AddressGone
        | CloseReason::GoAway
        | CloseReason::IoError { .. }
        | CloseReason::ShutDown
        | CloseReason::SwitchedProtocols
        | CloseReason::TimedOut(_)
        | CloseReason::TooOld { .. } => None,
    }
}

pub(super) fn miss(miss: &Miss, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match *miss {
        Miss::AllBusy { active } => write!(f, "all {active} connections were busy"),
        Miss::AllDoubtful { idle, estimate } => write!(
            f,
            "the server closes idle connections after about {}, which the {idle} idle ones had nearly reached",
            Human(estimate)
        ),
        Miss::AllExpired { idle } => write!(f, "all {idle} idle connections had expired"),
        Miss::DifferentKey(KeyPart::Runtime) => {
            f.write_str("the idle connections belong to another runtime")
        }
        Miss::FirstForOrigin => f.write_str("there was none for this origin"),
        Miss::KeepAliveOff => f.write_str("keep-alive is switched off"),
        Miss::OnlyClosing => f.write_str("the idle connections were closing"),
        Miss::Prewarm => f.write_str("opened ahead of need"),
    }
}

pub(super) fn retry(retry: Retry, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(match retry {
        Retry::Again(Again::GoAway) => "sent again: the server had said it would not process it",
        Retry::Again(Again::Http1Required) => "sent again: the server wants HTTP/1.1",
        Retry::Again(Again::IdleCloseRace) => {
            "sent again: the server closed the idle connection as it was reused"
        }
        Retry::Again(Again::Misdirected) => {
            "sent again: the server does not serve this origin on that connection (421)"
        }
        Retry::Again(Again::NothingWritten) => "sent again: not one byte had been written",
        Retry::Again(Again::RefusedStream) => "sent again: the server refused the stream",
        Retry::Stop(Stop::Budget) => "not sent again: it was, often enough",
        Retry::Stop(Stop::BytesReceived) => "not sent again: part of an answer had arrived",
        Retry::Stop(Stop::FirstUse) => "not sent again: the connection was new",
        Retry::Stop(Stop::NotReplayable) => {
            "not sent again: the server may have acted on it, and it must not act twice"
        }
        Retry::Stop(Stop::Policy) => "not sent again: the configuration forbids it",
    })
}

pub(super) fn fault(fault: ProtocolFault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(match fault {
        ProtocolFault::BareCr => "a carriage return without its line feed",
        ProtocolFault::ChunkEnd => "no line end behind a chunk's data",
        ProtocolFault::ChunkSize => "a malformed chunk size",
        ProtocolFault::ControlByte => "a control byte in the head",
        ProtocolFault::EndedInBody { left: Some(left) } => {
            return write!(
                f,
                "the connection ended with {left} bytes of the body missing"
            );
        }
        ProtocolFault::EndedInBody { left: None } => "the connection ended inside the body",
        ProtocolFault::EndedInHead => "the connection ended inside the head",
        ProtocolFault::HeaderLine => "a malformed header line",
        ProtocolFault::Http2 { code } => {
            return write!(f, "an HTTP/2 connection error ({})", http2_code(code));
        }
        ProtocolFault::Length => "a Content-Length that is no plain number",
        ProtocolFault::LengthAndChunked => "Content-Length together with Transfer-Encoding",
        ProtocolFault::LengthsDiffer => "Content-Length values that differ",
        ProtocolFault::NotHttp => "it does not speak HTTP/1",
        ProtocolFault::ObsFold => "a folded header line",
        ProtocolFault::SpaceBeforeColon => "white space before a header's colon",
        ProtocolFault::TlsInstead => "it answered in TLS: this port wants https",
        ProtocolFault::StartLine => "a malformed start line",
        ProtocolFault::TooMuch(limit) => {
            return write!(f, "more than the limit on {}", limit_name(limit));
        }
        ProtocolFault::Trailer => "a malformed or forbidden trailer field",
        ProtocolFault::TransferEncoding => "a Transfer-Encoding other than one chunked",
        ProtocolFault::UnaskedSwitch => "101 Switching Protocols that was not asked for",
        ProtocolFault::Version => "an HTTP version that is neither 1.0 nor 1.1",
    })
}

/// The name of an HTTP/2 error code (RFC 9113 §7).
pub fn http2_code(code: u32) -> &'static str {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    usize::try_from(code)
        .ok()
        .and_then(|code| NAMES.get(code).copied())
        .unwrap_or("an unknown code")
}

/// A limit's name within a sentence.
pub fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::ChunkLine => "chunk-size line length",
        Limit::ChunkOverhead => "chunk overhead",
        Limit::Connect => "connect timeout",
        Limit::DecodeRatio => "decoded bytes per coded byte (max_decode_ratio)",
        Limit::ExpectContinue => "expect-continue timeout",
        Limit::HeadBytes => "head bytes (max_head_bytes)",
        Limit::HeaderCount => "header fields",
        Limit::Interim => "interim responses",
        Limit::OpenFiles => "open files",
        Limit::Ping => "HTTP/2 ping timeout",
        Limit::ProxyHandshake => "proxy handshake timeout",
        Limit::Queue => "queue timeout",
        Limit::QueueLength => "queue length",
        Limit::ReadIdle => "read idle timeout",
        Limit::Redirects => "redirects of one call",
        Limit::ResponseHeader => "response header timeout",
        Limit::TlsHandshake => "TLS handshake timeout",
        Limit::Total => "total timeout",
        Limit::TrailerBytes => "trailer bytes",
        Limit::WriteStall => "write stall timeout",
    }
}
