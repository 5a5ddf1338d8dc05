//! A little Rust scanner: enough to tell code from comments and strings, and to see items, paths and test code.
//!
//! It keeps byte offsets: what is not code becomes spaces. It knows no rule, and no more grammar than the checks need.

use std::ops::Range;

/// Rust source with everything that is not code blanked.
#[derive(Debug, Default)]
pub struct Source {
    /// Comments, and the insides of strings and characters, are spaces; lengths and lines are kept.
    code: String,
    /// The same, with test code blanked too.
    live: String,
    literals: Vec<Literal>,
    line_starts: Vec<usize>,
}

/// A string literal.
#[derive(Debug, PartialEq, Eq)]
pub struct Literal {
    /// Where its text begins, behind the quote.
    pub offset: usize,
    /// The text as written; escapes are left alone.
    pub text: String,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// From the word `fn` to behind the closing brace.
    pub span: Range<usize>,
    /// Whether an attribute above makes it a test.
    pub is_test: bool,
}

/// An `impl` block.
#[derive(Debug, PartialEq, Eq)]
pub struct Implementation {
    /// Last name of the type it is for.
    pub of: String,
    /// From the opening to behind the closing brace.
    pub span: Range<usize>,
}

impl Source {
    /// Takes source apart.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let (code, literals) = blank(text);
        let live = blank_tests(&code);
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(offset, _)| offset + 1))
            .collect();
        Self {
            code,
            live,
            literals,
            line_starts,
        }
    }

    /// The code, tests included.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The code that is compiled outside tests.
    #[must_use]
    pub fn live(&self) -> &str {
        &self.live
    }

    /// The string literals, in order.
    #[must_use]
    pub fn literals(&self) -> &[Literal] {
        &self.literals
    }

    /// The line of an offset, counted from 1.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        self.line_starts
            .partition_point(|start| *start <= offset)
            .max(1)
    }

    /// The file as a whole turned out to be a test module.
    pub(super) fn make_all_test_code(&mut self) {
        self.live = blank_range(&self.live, 0..self.live.len());
    }

    /// Names of the modules declared as `#[cfg(test)] mod name;`.
    #[must_use]
    pub fn test_modules(&self) -> Vec<String> {
        words(&self.code)
            .filter(|(offset, word)| *word == "mod" && self.live.as_bytes()[*offset] == b' ')
            .filter_map(|(offset, word)| {
                let name = word_at(&self.code, offset + word.len())?;
                let after = self.code[name.end..].trim_start();
                after.starts_with(';').then(|| self.code[name].to_owned())
            })
            .collect()
    }

    /// Every function that has a body.
    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        let code = &self.code;
        let mut functions = Vec::new();
        for (offset, word) in words(code) {
            if word != "fn" {
                continue;
            }
            // `fn(…)` is a type, `fn $name` belongs to a macro: neither is followed by a name.
            let Some(name) = word_at(code, offset + word.len()) else {
                continue;
            };
            let Some(open) = find_at_depth_zero(code, name.end, b"{;") else {
                continue;
            };
            if code.as_bytes()[open] == b';' {
                continue;
            }
            let Some(close) = matching(code, open) else {
                continue;
            };
            let above = attributes_before(code, offset);
            functions.push(Function {
                name: code[name].to_owned(),
                span: offset..close + 1,
                is_test: above.contains("test]") || above.contains("test("),
            });
        }
        functions
    }

    /// Every `impl` block.
    #[must_use]
    pub fn implementations(&self) -> Vec<Implementation> {
        let code = &self.code;
        let mut found = Vec::new();
        for (offset, word) in words(code) {
            let before = code[..offset].trim_end();
            let is_item = before.is_empty()
                || before.ends_with(['}', ';', '{', ']'])
                || before.ends_with("unsafe");
            if word != "impl" || !is_item {
                continue;
            }
            let Some(open) = find_at_depth_zero(code, offset, b"{") else {
                continue;
            };
            let Some(close) = matching(code, open) else {
                continue;
            };
            if let Some(of) = implemented_type(&code[offset + word.len()..open]) {
                found.push(Implementation {
                    of,
                    span: open..close + 1,
                });
            }
        }
        found
    }
}

/// What an `impl` header is for: the last name of the type behind `for`, or of the only type.
fn implemented_type(header: &str) -> Option<String> {
    let of = words(header)
        .filter(|(offset, word)| {
            *word == "for" && !header[offset + 3..].trim_start().starts_with('<')
        })
        .last()
        .map_or(header, |(offset, _)| &header[offset + 3..]);
    let mut depth = 0usize;
    let mut plain = String::new();
    for character in of.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    let plain = plain.split(" where ").next()?;
    words(plain).last().map(|(_, word)| word.to_owned())
}

/// The identifiers and keywords of blanked code, with their offsets.
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = code.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() && !is_word_byte(bytes[at]) {
            at += 1;
        }
        let start = at;
        while at < bytes.len() && is_word_byte(bytes[at]) {
            at += 1;
        }
        (start < at).then(|| (start, &code[start..at]))
    })
}

/// The word that begins at `offset`, behind white space only.
#[must_use]
pub fn word_at(code: &str, offset: usize) -> Option<Range<usize>> {
    let rest = &code[offset..];
    let start = offset + rest.len() - rest.trim_start().len();
    let length = code.as_bytes()[start..]
        .iter()
        .take_while(|byte| is_word_byte(**byte))
        .count();
    let is_number = code.as_bytes().get(start).is_some_and(u8::is_ascii_digit);
    (length > 0 && !is_number).then_some(start..start + length)
}

/// Whether the byte is part of a name. Names outside ASCII are rare enough to count byte by byte.
#[must_use]
pub fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The bracket that closes the one at `open`.
#[must_use]
pub fn matching(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (index, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

/// The first of `wanted` from `start` on that is in no bracket opened since; none when a bracket closes first.
#[must_use]
pub fn find_at_depth_zero(code: &str, start: usize, wanted: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    for (index, byte) in code.bytes().enumerate().skip(start) {
        if depth == 0 && wanted.contains(&byte) {
            return Some(index);
        }
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// What stands between the previous item and `offset`: attributes and qualifiers.
#[must_use]
pub fn attributes_before(code: &str, offset: usize) -> &str {
    let start = code[..offset].rfind([';', '}', '{']).map_or(0, |at| at + 1);
    &code[start..offset]
}

/// Blanks everything that is compiled for tests only.
fn blank_tests(code: &str) -> String {
    let mut live = code.to_owned();
    for (offset, _) in code.match_indices("cfg(") {
        let before = code[..offset].trim_end();
        let Some(close) = matching(code, offset + "cfg".len()) else {
            continue;
        };
        let condition = &code[offset..close];
        let for_tests =
            words(condition).any(|(_, word)| word == "test") && !condition.contains("not(");
        if !for_tests {
            continue;
        }
        if before.ends_with("#![") {
            return blank_range(code, 0..code.len());
        }
        if !before.ends_with("#[") {
            continue;
        }
        let Some(end) = item_end(code, close + 1) else {
            continue;
        };
        live = blank_range(&live, before.len() - "#[".len()..end);
    }
    live
}

/// Where the item ends whose attribute closes behind `offset`.
fn item_end(code: &str, offset: usize) -> Option<usize> {
    let mut at = offset + code[offset..].find(']')? + 1;
    while code[at..].trim_start().starts_with("#[") {
        let open = at + code[at..].find('[')?;
        at = matching(code, open)? + 1;
    }
    let end = find_at_depth_zero(code, at, b"{;")?;
    match code.as_bytes()[end] {
        b'{' => Some(matching(code, end)? + 1),
        _ => Some(end + 1),
    }
}

fn blank_range(text: &str, range: Range<usize>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    fill(&mut bytes, range);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn fill(bytes: &mut [u8], range: Range<usize>) {
    for byte in &mut bytes[range] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// Blanks comments and the insides of literals; returns the strings.
fn blank(text: &str) -> (String, Vec<Literal>) {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut literals = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let comment = comment_end(bytes, at);
        if let Some(end) = comment {
            fill(&mut code, at..end);
            at = end;
        } else if let Some((inside, end)) = string_at(bytes, at) {
            literals.push(Literal {
                offset: inside.start,
                text: text[inside.clone()].to_owned(),
            });
            fill(&mut code, inside);
            at = end;
        } else if let Some(end) = character_end(text, at) {
            fill(&mut code, at + 1..end - 1);
            at = end;
        } else {
            at += 1;
        }
    }
    (String::from_utf8_lossy(&code).into_owned(), literals)
}

fn comment_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes[at..].starts_with(b"//") {
        let length = bytes[at..].iter().position(|byte| *byte == b'\n');
        return Some(length.map_or(bytes.len(), |length| at + length));
    }
    if !bytes[at..].starts_with(b"/*") {
        return None;
    }
    let mut depth = 1usize;
    let mut end = at + 2;
    while depth > 0 && end < bytes.len() {
        if bytes[end..].starts_with(b"/*") {
            depth += 1;
            end += 2;
        } else if bytes[end..].starts_with(b"*/") {
            depth -= 1;
            end += 2;
        } else {
            end += 1;
        }
    }
    Some(end.min(bytes.len()))
}

/// The string literal that begins at `at`, prefix included: its inside, and where it ends.
fn string_at(bytes: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let follows_a_word = at > 0 && is_word_byte(bytes[at - 1]);
    let mut quote = at;
    let mut is_raw = false;
    if !follows_a_word {
        quote += usize::from(matches!(bytes[quote], b'b' | b'c'));
        is_raw = bytes.get(quote) == Some(&b'r');
        quote += usize::from(is_raw);
    }
    let hashes = if is_raw {
        bytes[quote..]
            .iter()
            .take_while(|byte| **byte == b'#')
            .count()
    } else {
        0
    };
    let start = quote + hashes + 1;
    if bytes.get(start - 1) != Some(&b'"') {
        return None;
    }
    let mut end = start;
    while end < bytes.len() {
        let closes = bytes[end] == b'"'
            && bytes.len() > end + hashes
            && bytes[end + 1..=end + hashes]
                .iter()
                .all(|byte| *byte == b'#');
        if closes {
            return Some((start..end, end + 1 + hashes));
        }
        end += if bytes[end] == b'\\' && !is_raw { 2 } else { 1 };
    }
    Some((start..bytes.len(), bytes.len()))
}

/// Where the character literal at `at` ends; none if there is a lifetime or something else.
fn character_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes[at] != b'\'' {
        return None;
    }
    if bytes.get(at + 1) == Some(&b'\\') {
        let close = bytes
            .get(at + 3..)?
            .iter()
            .position(|byte| *byte == b'\'')?;
        return Some(at + 3 + close + 1);
    }
    let close = at + 1 + text.get(at + 1..)?.chars().next()?.len_utf8();
    (bytes.get(close) == Some(&b'\'')).then_some(close + 1)
}

#[cfg(test)]
mod tests;
