//! RFC 9112 §7.1: the chunked coding, its extensions (§7.1.1), its trailers (§7.1.2) and its decoding (§7.1.3).

use crate::support::{Answer, GET, answer, fields, refuses, wire};
use keepwarm_core::h1::{chunk_end, chunk_head, last_chunk};
use keepwarm_core::reason::{Limit, ProtocolFault as Fault};

const HEAD: &str = "HTTP/1.1 200 OK|Transfer-Encoding: chunked||";

fn chunked(body: &str) -> Answer {
    answer(GET, &format!("{HEAD}{body}"))
}

/// MUST: a recipient decodes it. Sizes are hexadecimal in any letter case, perhaps with zeros before.
#[test]
fn chunks_are_put_together() {
    let ten = "0123456789";
    for body in [
        format!("a|{ten}|0||"),
        format!("A|{ten}|0||"),
        format!("00A|{ten}|000||"),
        "1|0|2|12|7|3456789|0||".to_owned(),
    ] {
        let answer = chunked(&body);
        assert_eq!(answer.body, ten.as_bytes(), "{body}");
        assert!(answer.complete && answer.reuse.is_keep());
    }
    let nothing = chunked("0||");
    assert!(nothing.body.is_empty() && nothing.complete);
}

/// MUST: large numbers overflow nothing. What no counter holds is refused.
#[test]
fn large_sizes_do_not_overflow() {
    let large = chunked("7fffffffffffffff|abc");
    assert_eq!((large.fault, large.body.len()), (None, 3));
    assert!(!large.complete);
    for size in [
        "8000000000000000",
        "ffffffffffffffff",
        "10000000000000000",
        "100000000000000004",
        "00000000000000004",
    ] {
        refuses(GET, &format!("{HEAD}{size}|body|0||"), Fault::ChunkSize);
    }
}

/// §7.1.1: MUST: an extension that is not known is ignored; blanks beside its `;` and `=` are read over.
#[test]
fn extensions_are_ignored() {
    for extension in [
        ";a",
        ";a=b",
        ";a=\"b;c\"",
        ";a;b=c;d",
        " ;a",
        "\t; a = b",
        ";",
        ";\u{e4}=\u{df}",
    ] {
        let answer = chunked(&format!("4{extension}|body|0{extension}||"));
        assert_eq!(answer.body, b"body", "{extension:?}");
        assert!(answer.reuse.is_keep());
    }
}

/// §7.1.1: their length ought to be limited: one line is, and all together are.
#[test]
fn extensions_are_limited() {
    let line = format!("{HEAD}4;{}|", "e".repeat(5_000));
    refuses(GET, &line, Fault::TooMuch(Limit::ChunkLine));
    let many = format!("1;{}|x|", "e".repeat(1_000)).repeat(20);
    refuses(
        GET,
        &format!("{HEAD}{many}"),
        Fault::TooMuch(Limit::ChunkOverhead),
    );
}

/// §7.1.1: an extension begins with `;`. Anything else behind a size is refused, as is a control byte in it.
#[test]
fn what_is_no_extension_is_refused() {
    for line in [
        "4 ", "4\t", "4 a", "4,a", "4x", "4\0", "4;\0", "4;a\rb", "4\r;a", "4;\u{7f}",
    ] {
        refuses(GET, &format!("{HEAD}{line}|body|0||"), Fault::ChunkSize);
    }
    for line in ["", "-4", "+4", "0x4", " 4", "4h", ";a"] {
        refuses(GET, &format!("{HEAD}{line}|body|0||"), Fault::ChunkSize);
    }
}

/// Data ends where its size says, with CR LF.
#[test]
fn data_ends_with_a_line_end() {
    for body in [
        "4|bodyX|0||",
        "4|body0||",
        "3|body|0||",
        "4|body\n0||",
        "4|body\r0||",
    ] {
        refuses(GET, &format!("{HEAD}{body}"), Fault::ChunkEnd);
    }
    assert!(!chunked("5|body|0||").complete);
}

/// §7.1.2: MUST: trailers are kept apart from the header fields, even those of the same name.
#[test]
fn trailers_are_kept_apart() {
    let answer = answer(
        GET,
        "HTTP/1.1 200 OK|Transfer-Encoding: chunked|A: head||0|A: trailer|B: c||",
    );
    assert_eq!(answer.head().headers["a"], "head");
    assert!(!answer.head().headers.contains_key("b"));
    let trailers = answer.trailers.expect("trailers");
    assert_eq!(
        (&trailers["a"], trailers.len()),
        (&"trailer".parse().unwrap(), 2)
    );
    assert!(answer.reuse.is_keep());
}

/// What we send: sizes without blanks or extensions (MUST NOT: blanks there), and one last chunk.
#[test]
fn chunks_are_written_plainly() {
    let mut out = Vec::new();
    for data in ["0123456789", "", "body"] {
        chunk_head(&mut out, data.len());
        if !data.is_empty() {
            out.extend_from_slice(data.as_bytes());
            chunk_end(&mut out);
        }
    }
    last_chunk(&mut out, Some(&fields(&[("a", "b")])));
    assert_eq!(out, wire("a|0123456789|4|body|0|a: b||"));
}
