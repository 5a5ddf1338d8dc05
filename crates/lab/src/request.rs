//! Owns the tolerant reading of requests: finding the end of a head, and of a body.
//! Knows nothing of sockets, and shares no parser with what it tests: whatever arrives is taken as
//! far as it can be understood, and never panics.

/// The most bytes a request head may have.
pub(crate) const HEAD_LIMIT: usize = 1 << 20;
/// The most bytes one chunk line may have.
const CHUNK_LINE_LIMIT: usize = 4 << 10;
/// The most bytes the trailers of a request may have.
const TRAILER_LIMIT: usize = 64 << 10;

/// A request head as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) raw: Vec<u8>,
}

impl Head {
    fn parse(raw: Vec<u8>) -> Self {
        let text = String::from_utf8_lossy(&raw).into_owned();
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let mut words = lines.next().unwrap_or_default().splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (method, target, version) = (word(), word(), word());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        Self {
            method,
            target,
            version,
            headers,
            raw,
        }
    }

    /// The first value of a header, whatever the case of its name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }

    /// Whether a comma-separated header holds this word.
    pub(crate) fn has_token(&self, name: &str, token: &str) -> bool {
        self.headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| value.split(','))
            .any(|word| word.trim().eq_ignore_ascii_case(token))
    }

    /// Whether the client is done with the connection after this request (RFC 9112 section 9.3).
    pub(crate) fn asks_to_close(&self) -> bool {
        self.has_token("connection", "close")
            || (self.version == "HTTP/1.0" && !self.has_token("connection", "keep-alive"))
    }
}

/// The first value of a header in a list of names and values, whatever the case of the name.
pub(crate) fn find_header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Bytes received and not yet understood; pipelined requests wait here.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    /// Unread bytes known not to hold the end of a head, so that a dripped head costs linear work.
    scanned: usize,
}

/// What looking for a head gave.
#[derive(Debug)]
pub(crate) enum HeadSearch {
    /// A whole head.
    Complete(Head),
    /// More bytes are needed.
    Partial,
    /// The limit is reached and there is no blank line.
    TooLarge,
}

impl Inbox {
    /// Where received bytes are appended.
    pub(crate) fn space(&mut self) -> &mut Vec<u8> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.reserve(16 << 10);
        &mut self.bytes
    }

    /// The bytes not consumed yet.
    pub(crate) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unread().is_empty()
    }

    /// Drops everything, memory included.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Removes the first `count` unread bytes, or all when there are fewer.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.bytes.len());
        self.scanned = 0;
        if self.start == self.bytes.len() {
            self.clear();
        }
    }

    /// Drops the empty lines that may stand before a request (RFC 9112 section 2.2).
    pub(crate) fn skip_blank_lines(&mut self) {
        let blank = self
            .unread()
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        if blank > 0 {
            self.consume(blank);
        }
    }

    /// Takes one request head out, if it is all here.
    pub(crate) fn take_head(&mut self) -> HeadSearch {
        self.skip_blank_lines();
        let from = self.scanned.saturating_sub(3);
        match end_of_head(self.unread(), from) {
            Some(end) if end <= HEAD_LIMIT => {
                let raw = self.unread()[..end].to_vec();
                self.consume(end);
                HeadSearch::Complete(Head::parse(raw))
            }
            Some(_) => HeadSearch::TooLarge,
            None if self.unread().len() > HEAD_LIMIT => HeadSearch::TooLarge,
            None => {
                self.scanned = self.unread().len();
                HeadSearch::Partial
            }
        }
    }

    /// Takes one line out, without its end.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let end = self.unread().iter().position(|&byte| byte == b'\n')?;
        let mut line = self.unread()[..end].to_vec();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        self.consume(end + 1);
        Some(line)
    }
}

/// The index just past the blank line, searched from `from` on.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    (from..bytes.len()).find_map(|index| match &bytes[index..] {
        [b'\n', b'\n', ..] => Some(index + 2),
        [b'\n', b'\r', b'\n', ..] => Some(index + 3),
        _ => None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyState {
    Counted(u64),
    ChunkLine,
    ChunkData(u64),
    ChunkEnd,
    Trailers(usize),
    Complete,
    Broken,
}

/// Reads one request body out of an [`Inbox`].
#[derive(Debug)]
pub(crate) struct BodyReader {
    state: BodyState,
    /// Body bytes seen so far, chunk framing not counted.
    pub(crate) seen: u64,
    /// The first bytes of the body, up to `keep`.
    pub(crate) kept: Vec<u8>,
    keep: usize,
}

impl BodyReader {
    /// A reader for the body that this head announces; `keep` says how many bytes to hold on to.
    pub(crate) fn for_head(head: &Head, keep: usize) -> Self {
        let length = || {
            let text = head.header("content-length").unwrap_or_default();
            text.parse::<u64>().unwrap_or(0)
        };
        let state = if head.has_token("transfer-encoding", "chunked") {
            BodyState::ChunkLine
        } else {
            match length() {
                0 => BodyState::Complete,
                left => BodyState::Counted(left),
            }
        };
        Self {
            state,
            seen: 0,
            kept: Vec::new(),
            keep,
        }
    }

    /// Whether the end of the body was seen.
    pub(crate) fn is_complete(&self) -> bool {
        self.state == BodyState::Complete
    }

    /// Whether the chunk framing made no sense.
    pub(crate) fn is_broken(&self) -> bool {
        self.state == BodyState::Broken
    }

    /// Understands what is there, but not more than `up_to` body bytes in all; gives the new body
    /// bytes to `sink`.
    pub(crate) fn advance(&mut self, inbox: &mut Inbox, up_to: u64, sink: &mut dyn FnMut(&[u8])) {
        while self.seen < up_to && self.turn(inbox, up_to, sink) {}
    }

    /// One turn of the machine; false when it needs more bytes or has ended.
    fn turn(&mut self, inbox: &mut Inbox, up_to: u64, sink: &mut dyn FnMut(&[u8])) -> bool {
        match self.state {
            BodyState::Complete | BodyState::Broken => false,
            BodyState::Counted(left) => {
                let taken = self.take_data(inbox, left.min(up_to - self.seen), sink);
                self.state = match left - taken {
                    0 => BodyState::Complete,
                    left => BodyState::Counted(left),
                };
                taken > 0
            }
            BodyState::ChunkData(left) => {
                let taken = self.take_data(inbox, left.min(up_to - self.seen), sink);
                self.state = match left - taken {
                    0 => BodyState::ChunkEnd,
                    left => BodyState::ChunkData(left),
                };
                taken > 0
            }
            BodyState::ChunkLine | BodyState::ChunkEnd | BodyState::Trailers(_) => {
                match inbox.take_line() {
                    Some(line) => {
                        self.state = after_line(self.state, &line);
                        true
                    }
                    None if inbox.unread().len() > CHUNK_LINE_LIMIT => {
                        self.state = BodyState::Broken;
                        false
                    }
                    None => false,
                }
            }
        }
    }

    fn take_data(&mut self, inbox: &mut Inbox, most: u64, sink: &mut dyn FnMut(&[u8])) -> u64 {
        let here = inbox.unread();
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(here.len());
        let data = &here[..count];
        sink(data);
        let room = self.keep.saturating_sub(self.kept.len()).min(count);
        self.kept.extend_from_slice(&data[..room]);
        inbox.consume(count);
        self.seen += count as u64;
        count as u64
    }
}

/// The state after a line of chunk framing.
fn after_line(state: BodyState, line: &[u8]) -> BodyState {
    match state {
        BodyState::ChunkLine => match chunk_size(line) {
            Some(0) => BodyState::Trailers(0),
            Some(size) => BodyState::ChunkData(size),
            None => BodyState::Broken,
        },
        BodyState::ChunkEnd if line.is_empty() => BodyState::ChunkLine,
        BodyState::Trailers(_) if line.is_empty() => BodyState::Complete,
        BodyState::Trailers(seen) if seen + line.len() <= TRAILER_LIMIT => {
            BodyState::Trailers(seen + line.len() + 2)
        }
        BodyState::ChunkEnd
        | BodyState::Trailers(_)
        | BodyState::Counted(_)
        | BodyState::ChunkData(_)
        | BodyState::Complete
        | BodyState::Broken => BodyState::Broken,
    }
}

fn chunk_size(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    let digits = text.split(';').next()?.trim();
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(bytes: &[u8]) -> Inbox {
        let mut inbox = Inbox::default();
        inbox.space().extend_from_slice(bytes);
        inbox
    }

    fn head(bytes: &[u8]) -> Head {
        match inbox(bytes).take_head() {
            HeadSearch::Complete(head) => head,
            other => panic!("no head: {other:?}"),
        }
    }

    #[test]
    fn a_head_is_found_at_every_split_point() {
        let whole = b"\r\nPOST /a HTTP/1.1\r\nHost: x\r\n\r\nrest";
        for split in 0..whole.len() - 4 {
            let mut inbox = inbox(&whole[..split]);
            assert!(matches!(inbox.take_head(), HeadSearch::Partial), "{split}");
            inbox.space().extend_from_slice(&whole[split..]);
            let HeadSearch::Complete(head) = inbox.take_head() else {
                panic!("no head after split {split}");
            };
            assert_eq!((&*head.method, &*head.target), ("POST", "/a"));
            assert_eq!(head.header("HOST"), Some("x"));
            assert_eq!(inbox.unread(), b"rest");
        }
    }

    #[test]
    fn a_chunked_body_is_read_at_every_split_point_and_leaves_what_follows() {
        let head = head(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        let whole = b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: v\r\n\r\nGET";
        for split in 0..=whole.len() {
            let mut body = BodyReader::for_head(&head, 64);
            let mut inbox = inbox(&whole[..split]);
            body.advance(&mut inbox, u64::MAX, &mut |_| {});
            inbox.space().extend_from_slice(&whole[split..]);
            body.advance(&mut inbox, u64::MAX, &mut |_| {});
            assert!(body.is_complete(), "{split}");
            assert_eq!((&*body.kept, inbox.unread()), (&b"abcde"[..], &b"GET"[..]));
        }
    }

    #[test]
    fn nonsense_chunks_break_the_body_and_nothing_else() {
        let head = head(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        for nonsense in [
            &b"zz\r\n"[..],
            b"1\r\nabc\r\n",
            b"fffffffffffffffff\r\n",
            &[b'1'; 5000],
        ] {
            let mut body = BodyReader::for_head(&head, 64);
            body.advance(&mut inbox(nonsense), u64::MAX, &mut |_| {});
            assert!(body.is_broken());
        }
    }

    #[test]
    fn an_endless_head_is_given_up_at_the_limit() {
        let mut inbox = inbox(&vec![b'a'; HEAD_LIMIT]);
        assert!(matches!(inbox.take_head(), HeadSearch::Partial));
        inbox.space().push(b'a');
        assert!(matches!(inbox.take_head(), HeadSearch::TooLarge));
    }

    #[test]
    fn a_line_that_is_no_request_is_still_recorded() {
        let head = head(&[0xff, b' ', 0, b'\n', b'\n']);
        assert_eq!(head.version, "");
        assert!(head.headers.is_empty());
    }
}
