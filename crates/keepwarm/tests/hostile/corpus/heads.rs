//! Heads: first bytes, status lines, header lines. Data only.

use keepwarm::reason::ProtocolFault as Fault;

use super::{Case, Want, bad, case, closing};

/// First bytes and status lines.
pub(crate) const STARTS: &[Case] = &[
    bad(
        "byte order mark",
        b"\xef\xbb\xbfHTTP/1.1 200 OK\r\n\r\n",
        Fault::NotHttp,
    ),
    bad(
        "two empty lines",
        b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        Fault::NotHttp,
    ),
    bad("a lone CR", b"\rHTTP/1.1 200 OK\r\n\r\n", Fault::NotHttp),
    bad("a tab", b"\tHTTP/1.1 200 OK\r\n\r\n", Fault::NotHttp),
    bad(
        "HTTP/2 settings",
        b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64",
        Fault::NotHttp,
    ),
    bad(
        "TLS alert",
        b"\x15\x03\x03\0\x02\x02\x46",
        Fault::TlsInstead,
    ),
    bad("RTSP", b"RTSP/1.0 200 OK\r\n\r\n", Fault::NotHttp),
    bad(
        "a body without a head (HTTP/0.9)",
        b"<html>hello</html>",
        Fault::NotHttp,
    ),
    bad("no slash", b"HTTP1.1 200 OK\r\n\r\n", Fault::NotHttp),
    bad(
        "blank in the name",
        b"HTTP /1.1 200 OK\r\n\r\n",
        Fault::NotHttp,
    ),
    bad(
        "one lower-case letter",
        b"HTTp/1.1 200 OK\r\n\r\n",
        Fault::NotHttp,
    ),
    bad(
        "an echoed request",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        Fault::NotHttp,
    ),
    bad("version 01.1", b"HTTP/01.1 200 OK\r\n\r\n", Fault::Version),
    bad("version 1,1", b"HTTP/1,1 200 OK\r\n\r\n", Fault::Version),
    bad("version 1.9", b"HTTP/1.9 200 OK\r\n\r\n", Fault::Version),
    bad("version 3", b"HTTP/3 200 OK\r\n\r\n", Fault::Version),
    bad(
        "version 1.10",
        b"HTTP/1.10 200 OK\r\n\r\n",
        Fault::StartLine,
    ),
    bad("status 000", b"HTTP/1.1 000 OK\r\n\r\n", Fault::StartLine),
    bad("status -20", b"HTTP/1.1 -20 OK\r\n\r\n", Fault::StartLine),
    bad("status 0200", b"HTTP/1.1 0200 OK\r\n\r\n", Fault::StartLine),
    bad(
        "status 4294967496",
        b"HTTP/1.1 4294967496 OK\r\n\r\n",
        Fault::StartLine,
    ),
    bad("status 2 0", b"HTTP/1.1 2 0 OK\r\n\r\n", Fault::StartLine),
    bad("status 200OK", b"HTTP/1.1 200OK\r\n\r\n", Fault::StartLine),
    bad(
        "tab behind the status",
        b"HTTP/1.1 200\tOK\r\n\r\n",
        Fault::StartLine,
    ),
    bad(
        "NUL behind the version",
        b"HTTP/1.1\x00200 OK\r\n\r\n",
        Fault::StartLine,
    ),
    bad(
        "NUL in the reason",
        b"HTTP/1.1 200 O\0K\r\n\r\n",
        Fault::ControlByte,
    ),
    bad(
        "DEL in the reason",
        b"HTTP/1.1 200 O\x7fK\r\n\r\n",
        Fault::ControlByte,
    ),
    bad(
        "escape sequence in the reason",
        b"HTTP/1.1 200 \x1b[2J\r\n\r\n",
        Fault::ControlByte,
    ),
    bad("CR CR LF", b"HTTP/1.1 200 OK\r\r\n\r\n", Fault::BareCr),
    bad(
        "CR for a line end",
        b"HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n",
        Fault::BareCr,
    ),
    case(
        "no reason",
        b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
        Want::Kept("ok"),
    ),
    case(
        "an empty reason",
        b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
        Want::Kept("ok"),
    ),
    case(
        "a reason in Latin-1",
        b"HTTP/1.1 200 d\xe9j\xe0\r\nContent-Length: 2\r\n\r\nok",
        Want::Kept("ok"),
    ),
    case(
        "a reason that is a line",
        b"HTTP/1.1 200 Content-Length: 9\r\nContent-Length: 2\r\n\r\nok",
        Want::Kept("ok"),
    ),
    case(
        "status 999",
        b"HTTP/1.1 999 ?\r\nContent-Length: 2\r\n\r\nok",
        Want::Kept("ok"),
    ),
    // RFC 9112 §2.2: a recipient may take a lone LF for a line end. So does Go.
    case(
        "LF for each line end",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        Want::Kept("ok"),
    ),
    case(
        "LF for some line ends",
        b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\nok",
        Want::Kept("ok"),
    ),
    case(
        "LF before the blank line",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok",
        Want::Kept("ok"),
    ),
    closing(
        "nothing at all behind a byte",
        b"H",
        Want::Fault(Fault::EndedInHead),
    ),
    closing(
        "half a head",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        Want::Fault(Fault::EndedInHead),
    ),
    closing(
        "a head without its last LF",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r",
        Want::Fault(Fault::EndedInHead),
    ),
];

/// Header lines, `200 OK` before and two answers' worth of body behind.
pub(crate) const FIELDS: &[(&str, &[u8], Fault)] = &[
    (
        "length and chunked in odd letters",
        b"CONTENT-length: 5\r\ntransfer-ENCODING: Chunked",
        Fault::LengthAndChunked,
    ),
    (
        "length 0 and chunked",
        b"Content-Length: 0\r\nTransfer-Encoding: chunked",
        Fault::LengthAndChunked,
    ),
    (
        "empty length and chunked",
        b"Content-Length:\r\nTransfer-Encoding: chunked",
        Fault::LengthAndChunked,
    ),
    (
        "length and identity",
        b"Content-Length: 5\r\nTransfer-Encoding: identity",
        Fault::LengthAndChunked,
    ),
    (
        "length and an unknown coding",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 5",
        Fault::LengthAndChunked,
    ),
    (
        "length, and chunked behind a lone LF",
        b"Content-Length: 5\r\nX: a\nTransfer-Encoding: chunked",
        Fault::LengthAndChunked,
    ),
    (
        "three lengths, one odd",
        b"Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 6",
        Fault::LengthsDiffer,
    ),
    (
        "a list with one odd length",
        b"Content-Length: 5, 5, 5, 6",
        Fault::LengthsDiffer,
    ),
    (
        "a list against a line",
        b"Content-Length: 5\r\ncontent-length: 6, 5",
        Fault::LengthsDiffer,
    ),
    (
        "length 0 against 5",
        b"Content-Length: 0\r\nContent-Length: 5",
        Fault::LengthsDiffer,
    ),
    (
        "length with an empty element",
        b"Content-Length: 5,,5",
        Fault::Length,
    ),
    (
        "length with a parameter",
        b"Content-Length: 5;q=1",
        Fault::Length,
    ),
    (
        "length with a fraction",
        b"Content-Length: 5.0",
        Fault::Length,
    ),
    (
        "length with an underscore",
        b"Content-Length: 1_0",
        Fault::Length,
    ),
    ("length in quotes", b"Content-Length: \"5\"", Fault::Length),
    (
        "length in Arabic digits",
        b"Content-Length: \xd9\xa5",
        Fault::Length,
    ),
    (
        "length 2^64 + 5",
        b"Content-Length: 18446744073709551621",
        Fault::Length,
    ),
    (
        "length 2^63",
        b"Content-Length: 9223372036854775808",
        Fault::Length,
    ),
    (
        "length of forty digits",
        b"Content-Length: 9999999999999999999999999999999999999999",
        Fault::Length,
    ),
    ("length in hex digits", b"Content-Length: a", Fault::Length),
    (
        "an unsound length behind a sound one",
        b"Content-Length: 5\r\nContent-Length: x",
        Fault::Length,
    ),
    (
        "length with a vertical tab",
        b"Content-Length: \x0b5",
        Fault::ControlByte,
    ),
    (
        "length with a NUL",
        b"Content-Length: 5\0",
        Fault::ControlByte,
    ),
    (
        "chunked, identity",
        b"Transfer-Encoding: chunked, identity",
        Fault::TransferEncoding,
    ),
    (
        "identity, chunked",
        b"Transfer-Encoding: identity, chunked",
        Fault::TransferEncoding,
    ),
    (
        "x, chunked",
        b"Transfer-Encoding: x, chunked",
        Fault::TransferEncoding,
    ),
    (
        "chunked, x",
        b"Transfer-Encoding: chunked, x",
        Fault::TransferEncoding,
    ),
    (
        "chunked, chunked",
        b"Transfer-Encoding: chunked, chunked",
        Fault::TransferEncoding,
    ),
    (
        "chunked and a comma",
        b"Transfer-Encoding: chunked,",
        Fault::TransferEncoding,
    ),
    (
        "a comma and chunked",
        b"Transfer-Encoding: , chunked",
        Fault::TransferEncoding,
    ),
    (
        "chunked twice without a comma",
        b"Transfer-Encoding: chunked chunked",
        Fault::TransferEncoding,
    ),
    (
        "chunked with a tab inside",
        b"Transfer-Encoding: chun\tked",
        Fault::TransferEncoding,
    ),
    (
        "chunked with a parameter",
        b"Transfer-Encoding: chunked;a=b",
        Fault::TransferEncoding,
    ),
    (
        "chunked in quotes",
        b"Transfer-Encoding: \"chunked\"",
        Fault::TransferEncoding,
    ),
    (
        "chunked in apostrophes",
        b"Transfer-Encoding: 'chunked'",
        Fault::TransferEncoding,
    ),
    (
        "chunke",
        b"Transfer-Encoding: chunke",
        Fault::TransferEncoding,
    ),
    (
        "chunkedd",
        b"Transfer-Encoding: chunkedd",
        Fault::TransferEncoding,
    ),
    (
        "chunked with a no-break blank",
        b"Transfer-Encoding: \xc2\xa0chunked",
        Fault::TransferEncoding,
    ),
    (
        "chunked with a long s",
        b"Transfer-Encoding: chun\xe2\x84\xaaed",
        Fault::TransferEncoding,
    ),
    (
        "gzip, then chunked",
        b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        Fault::TransferEncoding,
    ),
    (
        "chunked, then gzip",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
        Fault::TransferEncoding,
    ),
    (
        "chunked, then nothing",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding:",
        Fault::TransferEncoding,
    ),
    ("nothing", b"Transfer-Encoding: ", Fault::TransferEncoding),
    ("a comma", b"Transfer-Encoding: ,", Fault::TransferEncoding),
    (
        "chunked with a form feed",
        b"Transfer-Encoding: chunked\x0c",
        Fault::ControlByte,
    ),
    (
        "chunked with a NUL",
        b"Transfer-Encoding: chunked\0",
        Fault::ControlByte,
    ),
    (
        "a NUL in the name",
        b"Transfer-\0Encoding: chunked",
        Fault::ControlByte,
    ),
    (
        "a blank before the colon",
        b"Transfer-Encoding : chunked",
        Fault::SpaceBeforeColon,
    ),
    (
        "tabs before the colon",
        b"Content-Length\t\t: 5",
        Fault::SpaceBeforeColon,
    ),
    (
        "a folded first line",
        b" Transfer-Encoding: chunked",
        Fault::ObsFold,
    ),
    (
        "a folded coding",
        b"Transfer-Encoding:\r\n chunked",
        Fault::ObsFold,
    ),
    (
        "a folded length",
        b"Content-Length: 1\r\n\t0",
        Fault::ObsFold,
    ),
    (
        "a fold of blanks",
        b"X: a\r\n \r\nContent-Length: 5",
        Fault::ObsFold,
    ),
    (
        "a fold behind a lone LF",
        b"X: a\n b\r\nContent-Length: 5",
        Fault::ObsFold,
    ),
    (
        "chunked behind a lone CR",
        b"X: a\rTransfer-Encoding: chunked",
        Fault::BareCr,
    ),
    ("a lone CR in a name", b"Content\r-Length: 5", Fault::BareCr),
    ("CR CR LF", b"X: a\r\r\nContent-Length: 5", Fault::BareCr),
    (
        "a line without a colon",
        b"X\r\nContent-Length: 5",
        Fault::HeaderLine,
    ),
    (
        "a line that is a status line",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5",
        Fault::HeaderLine,
    ),
    ("a blank in a name", b"Content Length: 5", Fault::HeaderLine),
    (
        "a name in brackets",
        b"[Content-Length]: 5",
        Fault::HeaderLine,
    ),
    (
        "a name of obs-text",
        b"Content-L\xe9ngth: 5",
        Fault::HeaderLine,
    ),
    ("an empty name", b":Content-Length: 5", Fault::HeaderLine),
];
