//! What is wrong with a head that httparse refuses: the first fault, in the order of its bytes.
//!
//! Owns the naming of faults in heads. Refuses to accept anything: a head without a fault here still has to
//! pass httparse. It runs only on heads that came in parts, are big, or were refused.
//!
//! A fault is named only when the bytes seen decide it, so that a head torn into pieces is refused
//! for the same reason as a whole one.

use crate::reason::{Limit, ProtocolFault};

/// Which start line a head begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A status line.
    Response,
    /// A request line.
    Request,
}

/// What the first bytes already show; cheap, for each try.
#[inline]
pub(crate) fn beginning(kind: Kind, bytes: &[u8]) -> Option<ProtocolFault> {
    match kind {
        Kind::Response => {
            if bytes.starts_with(b"HTTP/1.1") || bytes.starts_with(b"HTTP/1.0") {
                None
            } else {
                odd_version(bytes)
            }
        }
        Kind::Request => match bytes.first() {
            Some(&byte) if !is_token(byte) => Some(ProtocolFault::NotHttp),
            Some(_) | None => None,
        },
    }
}

/// Bytes that do not begin, or not yet, with a version we speak (RFC 9112 §2.3). That section would read a higher
/// minor version as 1.1; there is none.
fn odd_version(bytes: &[u8]) -> Option<ProtocolFault> {
    for (index, &byte) in bytes.iter().take(8).enumerate() {
        let expected = match index {
            7 => matches!(byte, b'0' | b'1'),
            _ => byte == b"HTTP/1."[index],
        };
        if !expected {
            return Some(if index == 0 && matches!(byte, 0x15 | 0x16) {
                // RFC 8446 §5.1: a record of an alert or of a handshake.
                ProtocolFault::TlsInstead
            } else if index < 5 {
                ProtocolFault::NotHttp
            } else {
                ProtocolFault::Version
            });
        }
    }
    None
}

/// The first fault in `bytes`, which may end anywhere; none when there is none up to there.
/// More than `header_fields` fields are a fault as well.
pub(crate) fn first_fault(kind: Kind, bytes: &[u8], header_fields: usize) -> Option<ProtocolFault> {
    let mut line = Line { bytes, at: 0 };
    let mut scan = match kind {
        Kind::Response => line.status_line(),
        Kind::Request => line.request_line(),
    };
    let mut fields = 0;
    loop {
        match scan {
            Scan::Fault(fault) => return Some(fault),
            Scan::Undecided | Scan::HeadEnd => return None,
            Scan::LineEnd if fields > header_fields => {
                return Some(ProtocolFault::TooMuch(Limit::HeaderCount));
            }
            Scan::LineEnd => scan = line.field(),
        }
        fields += 1;
    }
}

/// A name for an error that the scan above does not see.
pub(crate) fn named(error: httparse::Error) -> ProtocolFault {
    match error {
        httparse::Error::HeaderName | httparse::Error::HeaderValue => ProtocolFault::HeaderLine,
        httparse::Error::NewLine => ProtocolFault::BareCr,
        httparse::Error::Status | httparse::Error::Token => ProtocolFault::StartLine,
        httparse::Error::TooManyHeaders => ProtocolFault::TooMuch(Limit::HeaderCount),
        httparse::Error::Version => ProtocolFault::Version,
    }
}

/// Where a scan stopped.
enum Scan {
    /// At the start of a line.
    LineEnd,
    /// Behind the blank line.
    HeadEnd,
    /// At the end of the bytes.
    Undecided,
    /// At a fault.
    Fault(ProtocolFault),
}

struct Line<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Line<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn status_line(&mut self) -> Scan {
        if let Some(fault) = beginning(Kind::Response, self.bytes) {
            return Scan::Fault(fault);
        }
        self.at = 8;
        //= RFC 9112 §4: SP 3DIGIT, then SP and a reason that is ignored, or nothing.
        for index in 0..5 {
            let Some(byte) = self.peek() else {
                return Scan::Undecided;
            };
            let fits = match index {
                0 => byte == b' ',
                1 => matches!(byte, b'1'..=b'9'),
                2 | 3 => byte.is_ascii_digit(),
                _ => matches!(byte, b' ' | b'\r' | b'\n'),
            };
            if !fits {
                return Scan::Fault(ProtocolFault::StartLine);
            }
            if index < 4 {
                self.at += 1;
            }
        }
        self.text_to_line_end()
    }

    fn request_line(&mut self) -> Scan {
        if let Some(fault) = beginning(Kind::Request, self.bytes) {
            return Scan::Fault(fault);
        }
        while self.peek().is_some_and(is_token) {
            self.at += 1;
        }
        if let Some(scan) = self.one_blank() {
            return scan;
        }
        let target = self.at;
        while self.peek().is_some_and(|byte| byte > b' ' && byte != 0x7f) {
            self.at += 1;
        }
        if self.peek().is_some() && self.at == target {
            return Scan::Fault(ProtocolFault::StartLine);
        }
        if let Some(scan) = self.one_blank() {
            return scan;
        }
        match odd_version(&self.bytes[self.at..]) {
            Some(ProtocolFault::Version) => return Scan::Fault(ProtocolFault::Version),
            Some(_) => return Scan::Fault(ProtocolFault::StartLine),
            None => self.at += 8,
        }
        match self.peek() {
            None => Scan::Undecided,
            Some(b'\r' | b'\n') => self.line_end(),
            Some(_) => Scan::Fault(ProtocolFault::StartLine),
        }
    }

    /// Steps over one blank; anything else ends the scan.
    fn one_blank(&mut self) -> Option<Scan> {
        match self.peek() {
            None => Some(Scan::Undecided),
            Some(b' ') => {
                self.at += 1;
                None
            }
            Some(_) => Some(Scan::Fault(ProtocolFault::StartLine)),
        }
    }

    fn field(&mut self) -> Scan {
        match self.peek() {
            None => return Scan::Undecided,
            //= RFC 9112 §2.2: blanks before the first field make the message invalid.
            //= RFC 9112 §5.2: a folded line is to be read as one with blanks; we refuse it on purpose, since
            //= readers disagree about it.
            Some(b' ' | b'\t') => return Scan::Fault(ProtocolFault::ObsFold),
            Some(b'\r' | b'\n') => {
                return match self.line_end() {
                    Scan::LineEnd => Scan::HeadEnd,
                    other => other,
                };
            }
            Some(b':') => return Scan::Fault(ProtocolFault::HeaderLine),
            Some(_) => {}
        }
        while self.peek().is_some_and(is_token) {
            self.at += 1;
        }
        match self.peek() {
            None => Scan::Undecided,
            Some(b':') => {
                self.at += 1;
                self.text_to_line_end()
            }
            Some(b' ' | b'\t') => self.blank_in_name(),
            Some(b'\r') => match self.line_end() {
                Scan::LineEnd => Scan::Fault(ProtocolFault::HeaderLine),
                other => other,
            },
            Some(b'\n') => Scan::Fault(ProtocolFault::HeaderLine),
            Some(byte) if byte < b' ' || byte == 0x7f => Scan::Fault(ProtocolFault::ControlByte),
            Some(_) => Scan::Fault(ProtocolFault::HeaderLine),
        }
    }

    fn blank_in_name(&mut self) -> Scan {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            self.at += 1;
        }
        match self.peek() {
            None => Scan::Undecided,
            //= RFC 9112 §5.1: no blank stands between name and colon.
            Some(b':') => Scan::Fault(ProtocolFault::SpaceBeforeColon),
            Some(_) => Scan::Fault(ProtocolFault::HeaderLine),
        }
    }

    fn text_to_line_end(&mut self) -> Scan {
        while self
            .peek()
            .is_some_and(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
        {
            self.at += 1;
        }
        match self.peek() {
            None => Scan::Undecided,
            Some(b'\r' | b'\n') => self.line_end(),
            //= RFC 9110 §5.5: CR, LF and NUL make a value invalid; the other control bytes may.
            Some(_) => Scan::Fault(ProtocolFault::ControlByte),
        }
    }

    /// At a CR or LF. A lone LF may end a line, a lone CR makes it invalid (RFC 9112 §2.2).
    fn line_end(&mut self) -> Scan {
        if self.peek() == Some(b'\r') {
            self.at += 1;
            match self.peek() {
                None => return Scan::Undecided,
                Some(b'\n') => {}
                Some(_) => return Scan::Fault(ProtocolFault::BareCr),
            }
        }
        self.at += 1;
        Scan::LineEnd
    }
}

/// `tchar` (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
