//! The lanes of a report, as wide as the terminal.
//!
//! Owns what is known of the terminal. Refuses to draw: the report does.

use keepwarm_report::Report;
use keepwarm_report::lanes::{Terminal, text};
use terminal_size::{Width, terminal_size};

/// Columns where there is no terminal: a file, a pipe.
const WIDTH: usize = 100;
/// Wider lanes are no easier to read.
const WIDEST: usize = 180;

/// The lanes, line by line. Colours are taken off where they cannot be shown, by whoever writes the lines.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let columns = terminal_size().map_or(WIDTH, |(Width(columns), _)| usize::from(columns));
    let terminal = Terminal {
        width: columns.min(WIDEST),
        ascii: !speaks_unicode(),
        colour: true,
    };
    text(report, terminal)
}

/// Whether the locale says that more than ASCII can be shown (the first of these that is set decides, as in POSIX).
fn speaks_unicode() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"));
    let is_utf8 = |locale: String| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    };
    // Where nothing is set, as in containers, terminals speak UTF-8 all the same.
    locale.is_none_or(is_utf8)
}
