//! The clients, and how one of their programs is run and read.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A client that is measured, in the order of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Keepwarm,
    RawEpoll,
    HyperUtil,
    Reqwest,
    Go,
}

impl Peer {
    pub(super) const ALL: [Self; 5] = [
        Self::Keepwarm,
        Self::RawEpoll,
        Self::HyperUtil,
        Self::Reqwest,
        Self::Go,
    ];

    /// Its name in tables.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Keepwarm => "keepwarm",
            Self::RawEpoll => "raw epoll",
            Self::HyperUtil => "hyper-util",
            Self::Reqwest => "reqwest",
            Self::Go => "Go net/http",
        }
    }

    /// Its program in `bench/`.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Keepwarm => "keepwarm-peer",
            Self::RawEpoll => "raw-epoll-peer",
            Self::HyperUtil => "hyper-util-peer",
            Self::Reqwest => "reqwest-peer",
            Self::Go => "go-peer",
        }
    }

    /// Whether it is a client at all, with a pool and errors, and not only a limit.
    pub(super) fn is_client(self) -> bool {
        self != Self::RawEpoll
    }

    /// Whether valgrind can count what it does.
    pub(super) fn is_rust(self) -> bool {
        self != Self::Go
    }
}

/// Values in the order of [`Peer::ALL`].
pub(super) type PerPeer<T> = [T; Peer::ALL.len()];

/// The `key=value` words of a program's last line.
#[derive(Debug)]
pub(super) struct Line(String);

impl Line {
    pub(super) fn of(text: &str) -> Self {
        Self(text.lines().last().unwrap_or_default().to_owned())
    }

    /// # Errors
    /// When there is no such number.
    pub(super) fn number(&self, key: &str) -> Result<f64, String> {
        let mut words = self.0.split_whitespace();
        words
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok())
            .ok_or_else(|| format!("no {key} in {:?}", self.0))
    }
}

/// Starts a program on this core only, or wherever the system likes.
pub(super) fn command(taskset: &Path, core: Option<usize>, program: &Path) -> Command {
    let mut command = match core {
        None => Command::new(program),
        Some(core) => {
            let mut command = Command::new(taskset);
            command.args(["-c", &core.to_string()]).arg(program);
            command
        }
    };
    command.env("GOMAXPROCS", "1").stdin(Stdio::null());
    command
}

/// Runs to the end and reads the line.
///
/// # Errors
/// When it does not start or fails, with what it said.
pub(super) fn read(command: &mut Command, about: &str) -> Result<Line, String> {
    let output = command
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("{about}: {error}"))?;
    if output.status.success() {
        return Ok(Line::of(&String::from_utf8_lossy(&output.stdout)));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{about} failed ({}): {}",
        output.status,
        said.trim()
    ))
}

/// Where the programs are; why there is none of Go, when there is none.
pub(super) struct Programs {
    pub(super) rust: PathBuf,
    pub(super) go: Result<PathBuf, String>,
}

impl Programs {
    /// None when this peer is not here.
    pub(super) fn find(&self, peer: Peer) -> Option<PathBuf> {
        if peer.is_rust() {
            Some(self.rust.join(peer.program()))
        } else {
            self.go.as_ref().ok().cloned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_last_line_are_found() {
        let line = Line::of("noise\ngo n=64 rps=12.5 cpu_us=1.25\n");
        assert_eq!(line.number("rps"), Ok(12.5));
        assert_eq!(line.number("cpu_us"), Ok(1.25));
        assert!(line.number("us").is_err());
        assert!(Line::of("").number("n").is_err());
    }
}
