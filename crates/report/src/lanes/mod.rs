//! The picture in the terminal: lanes of blocks, with the same signs as the page.
//!
//! Owns what is drawn from top to bottom. `row` draws one lane, `group` decides what a lane is. Refuses to know the
//! terminal: whoever calls says how wide it is and what it can show.

mod group;
mod row;

use crate::figures::{counted, duration, grouped};
use crate::headline::headline;
use crate::report::{Origin, Report};

use group::{Lane, lanes};
use row::{Row, Signs};

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Columns; fewer than 60 are taken as 60.
    pub width: usize,
    /// Only ASCII.
    pub ascii: bool,
    /// Colours, as escape codes.
    pub colour: bool,
}

const LEAST_WIDTH: usize = 60;
/// Columns of the lane's name, before its bar.
const NAME: usize = 12;
/// Columns of what is said after the bar.
const NOTE: usize = 28;

/// The report as lines: a verdict, the lanes of each origin, the time, the legend. Without line ends.
pub fn text(report: &Report, terminal: Terminal) -> Vec<String> {
    let signs = Signs::of(terminal);
    let width = terminal.width.max(LEAST_WIDTH);
    let bar = width - NAME - NOTE;
    let mut lines = paragraph(&format!("{}.", headline(report)), width);
    let all = lanes(report);
    for (index, origin) in report.origins.iter().enumerate() {
        let members: Vec<&Lane> = all.iter().filter(|lane| lane.origin == index).collect();
        if members.is_empty() {
            continue;
        }
        lines.push(String::new());
        lines.extend(wrapped(&origin.name, &numbers(origin), width));
        for lane in members {
            lines.extend(Row::of(report, lane, bar, &signs).lines(NAME, NOTE));
        }
    }
    if report.connections.is_empty() && report.exchanges.is_empty() {
        return lines;
    }
    lines.push(axis(report.length_us, bar));
    lines.push(String::new());
    lines.extend(legend(&signs, width));
    if terminal.ascii {
        for line in &mut lines {
            *line = plain(line);
        }
    }
    lines
}

fn numbers(origin: &Origin) -> Vec<String> {
    let mut parts = vec![
        counted(origin.exchanges, "request"),
        format!("{} opened", grouped(origin.opened)),
        format!("{} necessary", grouped(origin.necessary)),
        format!("{} avoidable", grouped(origin.avoidable)),
    ];
    if let Some(ratio) = origin.reuse_ratio {
        parts.push(format!("reuse {:.0} %", (ratio * 100.0).floor()));
    }
    if let Some(timeout) = origin.idle_timeout {
        parts.push(format!("closes after {} idle", duration(timeout.us)));
    }
    parts
}

/// Words on as many lines as they need.
fn paragraph(words: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// A name and its parts, on as many lines as they need.
fn wrapped(name: &str, parts: &[String], width: usize) -> Vec<String> {
    let mut lines = vec![printable(name)];
    let mut line = String::new();
    for part in parts {
        if line.is_empty() {
            line = format!("  {part}");
        } else if line.chars().count() + part.chars().count() + 3 <= width {
            line = format!("{line} · {part}");
        } else {
            lines.push(line);
            line = format!("  {part}");
        }
    }
    lines.push(line);
    lines
}

/// Moments that people count in, below the bars.
fn axis(length_us: u64, bar: usize) -> String {
    let mut line = " ".repeat(NAME) + "0";
    let step = step(length_us);
    let ticks = (1..)
        .map(|number| number * step)
        .take_while(|at| *at <= length_us);
    for at in ticks {
        let column = u128::from(at) * bar as u128 / u128::from(length_us.max(1));
        let column = NAME + usize::try_from(column).unwrap_or(bar);
        let label = duration(at);
        let gap = column.saturating_sub(line.chars().count());
        if gap >= 2 && column + label.chars().count() <= NAME + bar + NOTE {
            line.push_str(&" ".repeat(gap));
            line.push_str(&label);
        }
    }
    line
}

/// A fifth of the whole, or a little more, in round numbers.
fn step(length_us: u64) -> u64 {
    const SECOND: u64 = 1_000_000;
    const MINUTE: u64 = 60 * SECOND;
    let least = (length_us / 5).max(1);
    let sixties = [1, 2, 5, 10, 15, 30];
    let minutes = sixties.map(|number| number * MINUTE);
    let decades = (0..7).map(|power| 10_u64.pow(power));
    let decimal = decades.flat_map(|unit| [unit, 2 * unit, 5 * unit]);
    decimal
        .take_while(|step| *step < SECOND)
        .chain(sixties.map(|number| number * SECOND))
        .chain(minutes)
        .chain((1..).map(|hours| hours * 60 * MINUTE))
        .find(|step| *step >= least)
        .unwrap_or(least)
}

fn legend(signs: &Signs, width: usize) -> Vec<String> {
    let entries = signs.legend();
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for (sign, words) in entries {
        let length = sign.chars().count() + words.chars().count() + 1;
        if used > 0 && used + length + 3 > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push_str("   ");
            used += 3;
        }
        line.push_str(&format!("{} {words}", signs.painted(sign)));
        used += length;
    }
    lines.push(line);
    lines
}

/// Text from the network without what would move a terminal's cursor.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

/// The few characters of our own words that are not ASCII, and a question mark for all others.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for character in line.chars() {
        match character {
            '·' => text.push('-'),
            '×' => text.push('x'),
            'µ' => text.push('u'),
            '–' => text.push('-'),
            '…' => text.push('~'),
            '“' | '”' => text.push('"'),
            '\u{202f}' => text.push(' '),
            character if character.is_ascii() => text.push(character),
            _ => text.push('?'),
        }
    }
    text
}
