//! RFC 9110 §5.5: what a field's value may hold.

use crate::support::{GET, answer_bytes, wire};
use http::HeaderValue;
use keepwarm_core::reason::ProtocolFault as Fault;

/// MUST: CR, LF and NUL make a message invalid (the other choice, to read them as blanks, is not ours). MAY: the
/// other control bytes are kept; we refuse them all, but for the tab.
#[test]
fn control_bytes_are_refused() {
    for byte in (0..0x20_u8).chain([0x7f]) {
        let mut head = wire("HTTP/1.1 200 OK|A: b");
        head.push(byte);
        head.extend_from_slice(&wire("c|Content-Length: 0||"));
        let fault = match byte {
            b'\t' => None,
            b'\r' => Some(Fault::BareCr),
            // A line feed ends the line: what follows is no field.
            b'\n' => Some(Fault::HeaderLine),
            _ => Some(Fault::ControlByte),
        };
        assert_eq!(answer_bytes(GET, &head).fault, fault, "{byte:#x}");
    }
}

/// The same in what we send: such a value cannot be made.
#[test]
fn control_bytes_cannot_be_sent() {
    for byte in (0..0x20_u8).chain([0x7f]) {
        let made = HeaderValue::from_bytes(&[b'a', byte, b'b']);
        assert_eq!(made.is_ok(), byte == b'\t', "{byte:#x}");
    }
}

/// SHOULD: bytes beyond ASCII are kept as they are, unread.
#[test]
fn other_octets_are_opaque() {
    for byte in 0x20..=0xff_u8 {
        if byte == 0x7f {
            continue;
        }
        let mut head = wire("HTTP/1.1 200 OK|Content-Length: 0|A: (");
        head.push(byte);
        head.extend_from_slice(b")\r\n\r\n");
        let answer = answer_bytes(GET, &head);
        assert_eq!(answer.fault, None, "{byte:#x}");
        assert_eq!(answer.head().headers["a"].as_bytes(), [b'(', byte, b')']);
    }
}

/// A value's blanks at both ends are no part of it (MUST).
#[test]
fn blanks_at_the_ends_are_left_out() {
    let head = wire("HTTP/1.1 204 X|A: \t b\tc \t |B:\t||");
    let answer = answer_bytes(GET, &head);
    assert_eq!(answer.head().headers["a"], "b\tc");
    assert_eq!(answer.head().headers["b"], "");
}
