//! Heads of answers, and what a second, naive reading of the same bytes says of those that are accepted.
//!
//! Promises: an accepted head has the grammar of RFC 9112 §4 and §5 with nothing forgiven but a lone LF as line end;
//! status, version and fields are those that stand there, in their order; a connection that is only overheard is
//! read alike.

use http::Version;
use keepwarm_core::h1::{BodyLength, Conversation, RequestShape, Seen};

use crate::engine::{Head, Item, Record, play};
use crate::plan::Plan;

/// One input.
pub fn run(input: &[u8]) {
    let (plan, answer) = Plan::read(input);
    let record = play(plan.shape, plan.limits, &plan.tear(answer), plan.closes);
    let mut rest = answer;
    for item in &record.items {
        match item {
            Item::Interim(head) | Item::Head(head) | Item::Switched(head) => {
                rest = assert_reads_alike(rest, head);
            }
            // Behind the final head nothing more is compared.
            Item::Body(_) | Item::Trailers(_) | Item::End => break,
        }
    }
    overhear(&plan, answer, &record);
}

/// Reads one head the plain way and holds it against the engine's; gives what is behind it.
fn assert_reads_alike<'a>(bytes: &'a [u8], head: &Head) -> &'a [u8] {
    let mut lines = Lines(bytes);
    let start = lines.next();
    let (minor, code) = match start {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            minor @ (b'0' | b'1'),
            b' ',
            rest @ ..,
        ] => {
            assert!(matches!(rest.get(3), None | Some(b' ')), "{start:?}");
            (*minor, rest.get(..3).expect("three digits"))
        }
        _ => panic!("no status line: {}", start.escape_ascii()),
    };
    assert_eq!(head.status.as_str().as_bytes(), code, "status");
    let version = if minor == b'0' {
        Version::HTTP_10
    } else {
        Version::HTTP_11
    };
    assert_eq!(head.version, version, "version");
    assert_text(start);
    let mut fields: Vec<(String, &[u8])> = Vec::new();
    loop {
        let line = lines.next();
        if line.is_empty() {
            break;
        }
        assert_text(line);
        let colon = line.iter().position(|&byte| byte == b':');
        let (name, value) = line.split_at(colon.expect("a colon"));
        assert!(!name.is_empty() && name.iter().all(is_token), "{name:?}");
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        fields.push((name, value[1..].trim_ascii()));
    }
    assert_eq!(head.headers.len(), fields.len(), "number of fields");
    for name in head.headers.keys() {
        let ours = head.headers.get_all(name).iter();
        let ours: Vec<&[u8]> = ours.map(|value| value.as_bytes()).collect();
        let plain = fields.iter().filter(|field| field.0 == name.as_str());
        let plain: Vec<&[u8]> = plain.map(|field| field.1).collect();
        assert_eq!(ours, plain, "{name}");
    }
    lines.0
}

/// No control byte but the tab.
fn assert_text(line: &[u8]) {
    let control = line
        .iter()
        .find(|&&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f);
    assert_eq!(control, None, "{}", line.escape_ascii());
}

fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// Lines without their ends, which are LF or CR LF.
struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    fn next(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|&byte| byte == b'\n');
        let (line, rest) = self.0.split_at(end.expect("a line end"));
        self.0 = &rest[1..];
        line.strip_suffix(b"\r").unwrap_or(line)
    }
}

/// The passive reader of both directions comes to the same head; as a request the bytes do no harm either.
fn overhear(plan: &Plan, answer: &[u8], record: &Record) {
    let mut conversation = Conversation::new(plan.limits);
    conversation.on_client_bytes(request(&plan.shape));
    for piece in plan.tear(answer) {
        conversation.on_server_bytes(piece);
    }
    if plan.closes {
        conversation.on_server_end();
    }
    let mut heads = Vec::new();
    while let Some(seen) = conversation.next_seen() {
        if let Seen::Response { head, .. } | Seen::Switched { head, .. } = seen {
            heads.push(Head::from(head));
        }
    }
    if let Some(own) = record.final_head() {
        assert!(heads.contains(own), "{heads:?} but {own:?}");
    }
    let mut as_request = Conversation::new(plan.limits);
    for piece in plan.tear(answer) {
        as_request.on_client_bytes(piece);
    }
    as_request.on_client_end();
    while as_request.next_seen().is_some() {}
}

/// A request of this shape.
fn request(shape: &RequestShape) -> &'static [u8] {
    match (shape.head, shape.connect, shape.upgrade, shape.body) {
        (true, _, _, _) => b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
        (_, true, _, _) => b"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
        (_, _, true, _) => {
            b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
        }
        (_, _, _, BodyLength::Empty) => b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        (_, _, _, BodyLength::Known(_) | BodyLength::Chunked) => {
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
        }
    }
}
