//! Whole answers: odd framing, interim answers, bytes behind the end. Data only.

use keepwarm::reason::ProtocolFault as Fault;

use super::{Case, Want, bad, case, closing};

/// Whole answers whose framing is legal, or whose fault is not in a header line.
pub(crate) const FRAMING: &[Case] = &[
    bad(
        "HTTP/1.0 and chunked",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\
          \r\n",
        Fault::TransferEncoding,
    ),
    bad(
        "HTTP/1.0, kept alive and chunked",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\
          Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Fault::TransferEncoding,
    ),
    bad(
        "204 with both",
        b"HTTP/1.1 204 X\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\
          \r\n",
        Fault::LengthAndChunked,
    ),
    bad(
        "304 with an unknown coding",
        b"HTTP/1.1 304 X\r\nTransfer-Encoding: gzip\r\n\r\n",
        Fault::TransferEncoding,
    ),
    case(
        "a length said twice",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        Want::Kept("ok"),
    ),
    case(
        "a length in a list",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2 , 2\t,2\r\n\r\nok",
        Want::Kept("ok"),
    ),
    case(
        "a length said in two ways",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 002\r\n\r\nok",
        Want::Kept("ok"),
    ),
    case(
        "a length with many zeros",
        b"HTTP/1.1 200 OK\r\n\
          Content-Length: 00000000000000000000000000000002\r\n\r\nok",
        Want::Kept("ok"),
    ),
    case(
        "a length among blanks",
        b"HTTP/1.1 200 OK\r\nContent-Length:\t 2 \t\r\n\r\nok",
        Want::Kept("ok"),
    ),
    case(
        "another field that looks like the coding",
        b"HTTP/1.1 200 OK\r\nTransfer_Encoding: chunked\r\nContent-Length: 2\r\n\
          \r\nok",
        Want::Kept("ok"),
    ),
    case(
        "a value that looks like a length",
        b"HTTP/1.1 200 OK\r\nX: Content-Length: 9\r\nContent-Length: 2\r\n\r\nok",
        Want::Kept("ok"),
    ),
    case(
        "CHUNKED",
        b"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING:CHUNKED\r\n\r\n2\r\nok\r\n0\r\n\
          \r\n",
        Want::Kept("ok"),
    ),
    case(
        "chunked among tabs",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\t chunked\t \r\n\r\n2\r\nok\r\n\
          0\r\n\r\n",
        Want::Kept("ok"),
    ),
    case(
        "204 with a coding and no chunks",
        b"HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n",
        Want::Kept(""),
    ),
    case(
        "304 with a length and no body",
        b"HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n",
        Want::Kept(""),
    ),
    case(
        "close is only in another token",
        b"HTTP/1.1 200 OK\r\nConnection: not-close, closed\r\n\
          Content-Length: 2\r\n\r\nok",
        Want::Kept("ok"),
    ),
    case(
        "HTTP/1.0 kept alive",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n\
          ok",
        Want::Kept("ok"),
    ),
    case(
        "HTTP/1.0 not kept alive",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        Want::Lost("ok", "http10"),
    ),
    case(
        "close after keep-alive",
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n\
          Content-Length: 2\r\n\r\nok",
        Want::Lost("ok", "peer-said-close"),
    ),
    case(
        "close before keep-alive",
        b"HTTP/1.1 200 OK\r\nConnection: ,,\tCLOSE\t, keep-alive\r\n\
          Content-Length: 2\r\n\r\nok",
        Want::Lost("ok", "peer-said-close"),
    ),
    closing(
        "no framing at all",
        b"HTTP/1.1 200 OK\r\n\r\nok",
        Want::Lost("ok", "close-delimited"),
    ),
    closing(
        "an answer inside an unframed body",
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        Want::Lost("HTTP/1.1 200 OK\r\n\r\n", "close-delimited"),
    ),
    closing(
        "fewer bytes than declared",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok",
        Want::Fault(Fault::EndedInBody { left: Some(8) }),
    ),
    closing(
        "2^32 + 2 bytes declared",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4294967298\r\n\r\nok",
        Want::Fault(Fault::EndedInBody {
            left: Some(1 << 32),
        }),
    ),
    closing(
        "2^63 - 1 bytes declared",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nok",
        Want::Fault(Fault::EndedInBody {
            left: Some(i64::MAX as u64 - 2),
        }),
    ),
];

/// Interim answers.
pub(crate) const INTERIM: &[Case] = &[
    case(
        "a 100 that nobody asked for",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\
          \r\nok",
        Want::Kept("ok"),
    ),
    case(
        "199",
        b"HTTP/1.1 199 ?\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\
          \r\nok",
        Want::Kept("ok"),
    ),
    case(
        "100 with a length of 0",
        b"HTTP/1.1 100 X\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\
          Content-Length: 2\r\n\r\nok",
        Want::Kept("ok"),
    ),
    bad(
        "100 with a body",
        b"HTTP/1.1 100 X\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\
          Content-Length: 2\r\n\r\nok",
        Fault::NotHttp,
    ),
    bad(
        "103 with chunks",
        b"HTTP/1.1 103 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
          HTTP/1.1 200 OK\r\n\r\n",
        Fault::NotHttp,
    ),
    bad(
        "an empty line between",
        b"HTTP/1.1 103 X\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        Fault::NotHttp,
    ),
    bad(
        "103 with lengths that differ",
        b"HTTP/1.1 103 X\r\nContent-Length: 1, 2\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        Fault::LengthsDiffer,
    ),
    bad(
        "103 with both",
        b"HTTP/1.1 103 X\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\
          \r\n",
        Fault::LengthAndChunked,
    ),
    bad(
        "101 that nobody asked for",
        b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n\
          HTTP/1.1 200 OK\r\n\r\n",
        Fault::UnaskedSwitch,
    ),
    bad(
        "101 behind 100",
        b"HTTP/1.1 100 X\r\n\r\nHTTP/1.1 101 X\r\n\r\n",
        Fault::UnaskedSwitch,
    ),
    closing(
        "only interim answers",
        b"HTTP/1.1 102 X\r\n\r\nHTTP/1.1 103 X\r\n\r\n",
        Want::Fault(Fault::EndedInHead),
    ),
    case(
        "an answer behind a switch of none",
        b"HTTP/1.1 103 X\r\n\r\nHTTP/1.1 204 X\r\n\r\nHTTP/1.1 103 X\r\n\r\n",
        Want::Lost("", "stray-bytes"),
    ),
];

/// Bytes behind answers that are over.
pub(crate) const BEHIND: &[Case] = &[
    case(
        "204 with a body",
        b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\nhello",
        Want::Lost("", "stray-bytes"),
    ),
    case(
        "204 with chunks",
        b"HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Want::Lost("", "stray-bytes"),
    ),
    case(
        "304 with a body",
        b"HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\nhello",
        Want::Lost("", "stray-bytes"),
    ),
    case(
        "a line end",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n",
        Want::Lost("ok", "stray-bytes"),
    ),
    case(
        "a NUL",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\0",
        Want::Lost("ok", "stray-bytes"),
    ),
    case(
        "an interim answer",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\
          okHTTP/1.1 100 Continue\r\n\r\n",
        Want::Lost("ok", "stray-bytes"),
    ),
    case(
        "half an answer",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\
          Content-Le",
        Want::Lost("ok", "stray-bytes"),
    ),
    case(
        "a whole answer",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\
          Content-Length: 5\r\n\r\nwrong",
        Want::Lost("ok", "stray-bytes"),
    ),
    case(
        "a 408",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 408 X\r\n\
          Content-Length: 0\r\n\r\n",
        Want::Lost("ok", "stray-bytes"),
    ),
    closing(
        "an answer, and the end",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\
          Content-Length: 5\r\n\r\nwrong",
        Want::Lost("ok", "stray-bytes"),
    ),
];
