//! How each server is started, and how its version is asked for.
//!
//! A recipe takes what is configured; the rest is the server's own default.

use std::process::Command;

pub mod apache;
pub mod go;
pub mod haproxy;
pub mod java;
pub mod lighttpd;
pub mod nginx;
pub mod node;
pub mod python;

/// The page of the server behind, at a server in front.
pub const THROUGH: &str = "/through";

/// The first word with a digit and a point in what a program says about itself.
fn version(command: &mut Command) -> String {
    let Ok(output) = command.output() else {
        return "?".to_owned();
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let words = said.split(|it: char| it.is_whitespace() || it == '/');
    let mut words =
        words.filter(|word| word.contains('.') && word.contains(|it: char| it.is_ascii_digit()));
    let word = words.next().unwrap_or("?");
    word.trim_start_matches(|it: char| !it.is_ascii_digit())
        .to_owned()
}
