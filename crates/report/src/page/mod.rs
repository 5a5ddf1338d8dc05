//! The picture: one self-contained HTML page.
//!
//! Owns how template, style, script and data become one file, and what that file may do: run its own script, and
//! nothing else (`Content-Security-Policy` with hashes; no network at all). What is drawn, and how, is in `assets/`.
//! Refuses to judge.

mod data;
mod escape;
mod still;

use std::io::{self, Write};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use crate::headline::headline;
use crate::report::Report;

const TEMPLATE: &str = include_str!("../../assets/page.html");
const STYLE: &str = include_str!("../../assets/page.css");
/// One function's body, cut into files by noun: each sees what the ones before it declare. No text in it spans lines.
const SCRIPT: &[&str] = &[
    include_str!("../../assets/data.js"),
    include_str!("../../assets/figures.js"),
    include_str!("../../assets/model.js"),
    include_str!("../../assets/steps.js"),
    include_str!("../../assets/palette.js"),
    include_str!("../../assets/lanes.js"),
    include_str!("../../assets/plot.js"),
    include_str!("../../assets/view.js"),
    include_str!("../../assets/words.js"),
    include_str!("../../assets/prose.js"),
    include_str!("../../assets/panel.js"),
    include_str!("../../assets/findings.js"),
    include_str!("../../assets/table.js"),
    include_str!("../../assets/filter.js"),
    include_str!("../../assets/pointer.js"),
    include_str!("../../assets/keys.js"),
    include_str!("../../assets/main.js"),
];

/// The page as a string; [`write_html`] needs less memory.
pub fn html(report: &Report) -> String {
    let mut page = Vec::new();
    let written = write_html(report, &mut page);
    debug_assert!(written.is_ok(), "writing to memory does not fail");
    String::from_utf8_lossy(&page).into_owned()
}

/// Writes the page: everything in one file that asks the network for nothing.
///
/// # Errors
/// What `out` says.
pub fn write_html(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let script = script();
    let style = style();
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        digest(&script),
        digest(&style)
    );
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        out.write_all(before.as_bytes())?;
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        match name {
            "policy" => out.write_all(policy.as_bytes())?,
            "title" => out.write_all(escape::html(&headline(report)).as_bytes())?,
            "style" => out.write_all(style.as_bytes())?,
            "still" => out.write_all(still::html(report).as_bytes())?,
            "data" => data::write(report, &mut escape::Json::new(out))?,
            "script" => out.write_all(script.as_bytes())?,
            other => debug_assert!(false, "the template asks for {other}"),
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

fn style() -> String {
    let mut style = String::new();
    for line in STYLE.lines() {
        push_line(&mut style, line, "/*");
    }
    style
}

fn script() -> String {
    let mut script = String::from("(() => {\n\"use strict\";\n");
    for line in SCRIPT.iter().flat_map(|file| file.lines()) {
        push_line(&mut script, line, "//");
    }
    script.push_str("})();\n");
    script
}

/// Without indentation and comments, which readers of the repository need and those of a page do not.
fn push_line(text: &mut String, line: &str, comment: &str) {
    let line = line.trim();
    if !line.is_empty() && !line.starts_with(comment) {
        text.push_str(line);
        text.push('\n');
    }
}

/// The source expression by which the policy allows exactly this text.
fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    format!("sha256-{}", BASE64_STANDARD.encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_without_data_is_far_below_300_kib() {
        let page = html(&Report::default());
        println!("{} bytes without data", page.len());
        assert!(page.len() < 150 * 1024, "{} bytes", page.len());
    }

    #[test]
    fn the_page_asks_the_network_for_nothing() {
        let page = html(&Report::default());
        for word in [
            "http://", "https://", "import ", "fetch(", "@import", "url(",
        ] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
        assert!(!page.contains("unsafe-inline"));
    }

    #[test]
    fn the_template_is_filled_everywhere() {
        let page = html(&Report::default());
        assert!(!page.contains("{{") && !page.contains("}}"));
        assert_eq!(page.matches("<script").count(), 2);
        assert_eq!(page.matches("</script>").count(), 2);
        assert_eq!(page.matches("</style>").count(), 1);
    }
}
