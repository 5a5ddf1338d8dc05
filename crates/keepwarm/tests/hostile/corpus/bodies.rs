//! Chunked bodies and their trailers. Data only.

use keepwarm::reason::ProtocolFault as Fault;

use super::{Case, Want, bad, case, closing};

const ENDED: Want = Want::Fault(Fault::EndedInBody { left: None });

/// Chunked bodies; the head goes before them.
pub(crate) const CHUNKS: &[Case] = &[
    bad("+2", b"+2\r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad("-0", b"-0\r\n\r\n", Fault::ChunkSize),
    bad("0x2", b"0x2\r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad("02h", b"02h\r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad("a blank before", b" 2\r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad("a tab before", b"\t2\r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad("a blank behind", b"2 \r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad("a tab behind", b"2\t\r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad("an underscore", b"1_0\r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad("a comma", b"2,2\r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad("a fraction", b"2.0\r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad("quotes", b"\"2\"\r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad(
        "a full-width digit",
        b"\xef\xbc\x92\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "2^64 + 2",
        b"10000000000000002\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "2^64 - 1",
        b"FFFFFFFFFFFFFFFF\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "2^63",
        b"8000000000000000\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "17 digits",
        b"00000000000000002\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "an empty line",
        b"\r\n2\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "only an extension",
        b";a=b\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "LF for the line end",
        b"2\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad("CR CR LF", b"2\r\r\nok\r\n0\r\n\r\n", Fault::ChunkSize),
    bad(
        "LF in an extension",
        b"2;a\nxx\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "CR in an extension",
        b"2;a\rxx\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "LF in a quoted extension",
        b"2;a=\"\n\"\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "NUL in an extension",
        b"2;a\0\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "DEL in an extension",
        b"2;\x7f\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "an extension without its semicolon",
        b"2 a=b\r\nok\r\n0\r\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "LF behind the last size",
        b"2\r\nok\r\n0\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "an extension of the last size with LF",
        b"2\r\nok\r\n0;a\n\r\n",
        Fault::ChunkSize,
    ),
    bad(
        "more data than said",
        b"1\r\nok\r\n0\r\n\r\n",
        Fault::ChunkEnd,
    ),
    bad(
        "less data than said",
        b"3\r\nok\r\n0\r\n\r\n",
        Fault::ChunkEnd,
    ),
    bad(
        "no line end behind data",
        b"2\r\nok0\r\n\r\n",
        Fault::ChunkEnd,
    ),
    bad("LF behind data", b"2\r\nok\n0\r\n\r\n", Fault::ChunkEnd),
    bad("CR behind data", b"2\r\nok\r0\r\n\r\n", Fault::ChunkEnd),
    bad(
        "LF CR behind data",
        b"2\r\nok\n\r0\r\n\r\n",
        Fault::ChunkEnd,
    ),
    bad(
        "blanks behind data",
        b"2\r\nok \r\n0\r\n\r\n",
        Fault::ChunkEnd,
    ),
    bad(
        "a coding in the trailers",
        b"0\r\nTRANSFER-encoding: chunked\r\n\r\n",
        Fault::Trailer,
    ),
    bad(
        "a length in the trailers",
        b"2\r\nok\r\n0\r\nX: y\r\ncontent-LENGTH: 2\r\n\r\n",
        Fault::Trailer,
    ),
    bad(
        "close in the trailers",
        b"2\r\nok\r\n0\r\nConnection: close\r\n\r\n",
        Fault::Trailer,
    ),
    bad(
        "an answer for trailers",
        b"2\r\nok\r\n0\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong",
        Fault::Trailer,
    ),
    bad(
        "a folded trailer",
        b"2\r\nok\r\n0\r\nX: y\r\n z\r\n\r\n",
        Fault::Trailer,
    ),
    bad(
        "a trailer that begins with a fold",
        b"2\r\nok\r\n0\r\n X: y\r\n\r\n",
        Fault::Trailer,
    ),
    bad(
        "a blank before a trailer's colon",
        b"2\r\nok\r\n0\r\nX : y\r\n\r\n",
        Fault::Trailer,
    ),
    bad(
        "NUL in a trailer",
        b"2\r\nok\r\n0\r\nX: y\0\r\n\r\n",
        Fault::Trailer,
    ),
    bad(
        "LF in the trailers",
        b"2\r\nok\r\n0\r\nX: y\nZ: z\r\n\r\n",
        Fault::Trailer,
    ),
    bad(
        "CR in the trailers",
        b"2\r\nok\r\n0\r\nX: y\rZ: z\r\n\r\n",
        Fault::Trailer,
    ),
    bad(
        "LF for the blank line",
        b"2\r\nok\r\n0\r\n\n",
        Fault::Trailer,
    ),
    bad(
        "LF for the blank line behind a trailer",
        b"2\r\nok\r\n0\r\nX: y\r\n\n",
        Fault::Trailer,
    ),
    bad(
        "CR for the blank line",
        b"2\r\nok\r\n0\r\n\rHTTP/1.1 200 OK\r\n\r\n",
        Fault::Trailer,
    ),
    case(
        "leading zeros",
        b"0000000000000002\r\nok\r\n0000\r\n\r\n",
        Want::Kept("ok"),
    ),
    case(
        "hex in both cases",
        b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
        Want::Kept("01234567890123456789"),
    ),
    case(
        "an empty extension",
        b"2;\r\nok\r\n0;\r\n\r\n",
        Want::Kept("ok"),
    ),
    case(
        "blanks before an extension",
        b"2 \t;a=b\r\nok\r\n0 ;c\r\n\r\n",
        Want::Kept("ok"),
    ),
    case(
        "a size inside an extension",
        b"2;5\r\nok\r\n0;2\r\n\r\n",
        Want::Kept("ok"),
    ),
    case(
        "a quoted extension",
        b"2;a=\"b;c\"\r\nok\r\n0\r\n\r\n",
        Want::Kept("ok"),
    ),
    case(
        "an extension of obs-text",
        b"2;\xff\xfe\r\nok\r\n0\r\n\r\n",
        Want::Kept("ok"),
    ),
    case(
        "data that looks like the end",
        b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
        Want::Kept("\r\n0\r\n\r\n"),
    ),
    case(
        "data that is an answer",
        b"13\r\nHTTP/1.1 200 OK\r\n\r\n\r\n0\r\n\r\n",
        Want::Kept("HTTP/1.1 200 OK\r\n\r\n"),
    ),
    case(
        "harmless trailers",
        b"2\r\nok\r\n0\r\nX: y\r\nEtag: \"a\"\r\n\r\n",
        Want::Kept("ok"),
    ),
    case(
        "an answer behind the end",
        b"2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong",
        Want::Lost("ok", "stray-bytes"),
    ),
    case(
        "an answer behind trailers",
        b"2\r\nok\r\n0\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong",
        Want::Lost("ok", "stray-bytes"),
    ),
    case(
        "a second end",
        b"2\r\nok\r\n0\r\n\r\n0\r\n\r\n",
        Want::Lost("ok", "stray-bytes"),
    ),
    case(
        "a line end too many",
        b"2\r\nok\r\n0\r\n\r\n\r\n",
        Want::Lost("ok", "stray-bytes"),
    ),
    closing("2^63 - 1 bytes", b"7fffffffffffffff\r\nok", ENDED),
    closing("no last chunk", b"2\r\nok\r\n", ENDED),
    closing("no blank line", b"2\r\nok\r\n0\r\n", ENDED),
    closing("half a blank line", b"2\r\nok\r\n0\r\n\r", ENDED),
    closing("half a size", b"2\r\nok\r\n1", ENDED),
    closing("half a trailer", b"2\r\nok\r\n0\r\nX: y\r\n", ENDED),
];
