//! Text from the network on its way into the page.
//!
//! Owns that it stays text. Refuses to know what it says.

use std::io::{self, Write};

/// For an element's content or a quoted attribute.
pub(super) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Passes JSON on, with what could end or change a `script` element written as JSON's own escapes. In JSON, `<`, `>`
/// and `&` stand in strings only, so the value stays the same.
pub(super) struct Json<'a> {
    out: &'a mut dyn Write,
}

impl<'a> Json<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out }
    }
}

impl Write for Json<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| escape(*byte).is_some()) {
            let (before, from) = rest.split_at(at);
            self.out.write_all(before)?;
            if let Some(escaped) = escape(from[0]) {
                self.out.write_all(escaped)?;
            }
            rest = &from[1..];
        }
        self.out.write_all(rest)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn escape(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'<' => Some(b"\\u003c"),
        b'>' => Some(b"\\u003e"),
        b'&' => Some(b"\\u0026"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_element_and_the_value_stays_the_same() {
        let hostile = "</script><!--<script>&amp; \u{2028}\u{2029} \"\\ é";
        let mut out = Vec::new();
        serde_json::to_writer(Json::new(&mut out), hostile).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains(['<', '>', '&']), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
    }

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            html("<a b='c' d=\"e\">&"),
            "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;"
        );
    }
}
