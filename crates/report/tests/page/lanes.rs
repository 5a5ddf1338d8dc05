//! The lanes in the terminal.

use keepwarm_report::lanes::{Terminal, text};
use keepwarm_report::{How, Life};

use crate::samples::{MS, S, Sample};
use crate::scenes;

const WIDE: Terminal = Terminal {
    width: 100,
    ascii: false,
    colour: false,
};

#[test]
fn each_connection_has_a_lane() {
    let expected = "\
13 connections for 118 requests; 7 avoidable, mostly because the server closes after 3 s idle.

http://127.0.0.1:8080
  32 requests · 11 opened · 4 necessary · 7 avoidable · reuse 65 % · closes after 3 s idle
  #1        ▒▌───◆                                                       4× peer-closed-idle
⚠ #2               ▓▌───◆                                                4× peer-closed-idle
⚠ #3                      ▓▌───◆                                         4× peer-closed-idle
⚠ #4                             ▓▌────◆                                 4× peer-closed-idle
⚠ #5                                    ▓▌────◆                          4× peer-closed-idle
⚠ #6                                           ▓▌▌───◆                   4× peer-closed-idle
⚠ #7                                                  ▓▌───↻◆            2× peer-closed-idle
⚠ #8                                                       ▓──███▌───■   2× idle-too-long
  #9                                                          ▒███─────› 2× open
  #10                                                         ▒████✕●    1× timed-out
  #11                                                         ▒▼         1× body-not-read

https://api.example.com
  86 requests · 2 opened · 2 necessary · 0 avoidable · reuse 97 %
  unserved                   ┄✕ ┄┄✕                                      2 requests
  #12         ▒███████████████████████▌◆                                 46× go-away
  #13                                  ▒████████████████████████████▌──› 40× open
            0             10 s          20 s          30 s           40 s

▒ handshake   ▓ avoidable handshake   █ request   ─ idle   ┄ waiting for a connection   ✕ failed
↻ failed and sent again   ◆ the server ended it   ■ we ended it   ▼ the caller ended it
● a limit ended it   › still open";
    assert_eq!(text(&scenes::tour(), WIDE).join("\n"), expected);
}

#[test]
fn single_request_connections_share_a_lane() {
    let lines = text(&scenes::crowd(), WIDE);
    assert_eq!(
        lines[2..9].join("\n"),
        "\
https://legacy.example.com:8443
  318 requests · 313 opened · 1 necessary · 312 avoidable · reuse 1 %
  #1        ◆                                                            6× peer-closed-idle
⚠ ×312 single-request connections (server-says-close)
             ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓  312 requests
            0                      10 s                   20 s
"
    );
}

#[test]
fn two_thousand_connections_are_forty_lanes() {
    let lines = text(&scenes::busy(), WIDE);
    let lanes = lines
        .iter()
        .filter(|line| line.contains(['▒', '▓']))
        .count();
    // The legend has two of these signs on one line.
    assert_eq!(lanes, 40 + 1, "{}", lines.join("\n"));
    let more = lines
        .iter()
        .filter(|line| line.contains("more connections"))
        .count();
    assert_eq!(more, 10, "one for each origin");
}

#[test]
fn a_terminal_without_unicode_is_served_in_ascii() {
    let lines = text(
        &scenes::tour(),
        Terminal {
            ascii: true,
            ..WIDE
        },
    );
    assert!(
        lines.iter().all(|line| line.is_ascii()),
        "{}",
        lines.join("\n")
    );
    assert_eq!(
        lines[10],
        "! #7                                                  %=---@<            2x peer-closed-idle"
    );
    assert_eq!(
        lines[13],
        "  #10                                                         +####Xo    1x timed-out"
    );
    assert!(lines[lines.len() - 2].contains("< the server ended it   ] we ended it"));
}

#[test]
fn lines_are_as_wide_as_the_terminal() {
    for width in [60, 61, 80, 133, 200] {
        for line in text(&scenes::tour(), Terminal { width, ..WIDE }) {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
    let narrow = text(&scenes::tour(), Terminal { width: 1, ..WIDE });
    assert_eq!(
        narrow,
        text(&scenes::tour(), Terminal { width: 60, ..WIDE })
    );
}

#[test]
fn colours_add_nothing_but_colour() {
    let coloured = text(
        &scenes::tour(),
        Terminal {
            colour: true,
            ..WIDE
        },
    )
    .join("\n");
    assert!(
        coloured.contains("\u{1b}[31m▓\u{1b}[0m"),
        "avoidable handshakes are red"
    );
    let mut bare = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        bare.push_str(before);
        rest = after.split_once('m').expect("a colour ends").1;
    }
    bare.push_str(rest);
    assert_eq!(bare, text(&scenes::tour(), WIDE).join("\n"));
}

#[test]
fn a_report_of_nothing_is_a_sentence() {
    assert_eq!(
        text(&Sample::new().finish(0), WIDE),
        ["No request, no connection."]
    );
}

#[test]
fn text_from_the_network_moves_no_cursor() {
    let mut sample = Sample::new();
    let origin = sample.origin("http://a\u{1b}[2J\r.example");
    let connection = sample.open(origin, 0, "first-for-origin");
    sample.get(connection, 0, 10 * MS, "/");
    sample.end(
        connection,
        S,
        "\u{1b}]0;title\u{7}",
        "us",
        How::Closed,
        Life::Idle,
    );
    let lines = text(&sample.finish(S), WIDE).join("\n");
    assert!(!lines.contains(['\u{1b}', '\r', '\u{7}']), "{lines:?}");
}
