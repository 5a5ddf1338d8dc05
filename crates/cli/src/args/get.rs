//! `GetArgs`: the options of `keepwarm get`.
//!
//! Owns what is asked for and how it is written. Refuses to send anything.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use http::{HeaderName, HeaderValue, Method};

use super::picture::PictureArgs;
use super::quantity;
use super::target::{self, Typed};
use super::transport::TransportArgs;

const EXAMPLES: &str = "\
Examples:
  keepwarm get -v http://127.0.0.1:8080/
  keepwarm get --repeat 100 http://127.0.0.1:8080/         one connection? why not?
  keepwarm get --repeat 3 --gap 10s http://127.0.0.1:8080/ does it survive ten seconds idle?
  keepwarm get --repeat 50 --parallel 8 --max-idle-per-host 2 http://127.0.0.1:8080/
  keepwarm get --repeat 10 --body drop http://127.0.0.1:8080/large
  keepwarm get --cacert root.pem --repeat 100 https://127.0.0.1:8443/
  keepwarm get -L --compressed https://127.0.0.1:8443/     follow redirects, decode bodies
  keepwarm get --repeat 200 --parallel 8 --timeline run.html http://127.0.0.1:8080/
  keepwarm get --json --repeat 20 http://127.0.0.1:8080/ | jq .reuse";

/// Make requests and see whether their connections are reused, and why not.
///
/// One exchange writes its body to standard output, as curl does. Several (--repeat, several URLs) are
/// listed, with a verdict and the cure for each reason a connection was lost.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GetArgs {
    /// What to ask for, in this order
    #[arg(required = true, value_name = "URL", value_parser = target::typed)]
    pub(crate) urls: Vec<Typed>,
    /// Go through the URLs so many times
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) repeat: NonZeroU64,
    /// So many lanes at once
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) parallel: u32,
    /// In each lane, wait between the end of one exchange and the start of the next
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = quantity::duration)]
    pub(crate) gap: Duration,
    /// The method [default: GET, or POST with a body]
    #[arg(short = 'X', long, value_name = "METHOD", value_parser = method)]
    pub(crate) request: Option<Method>,
    /// A header field as 'Name: value'; may be given several times
    #[arg(short = 'H', long, value_name = "FIELD", value_parser = header)]
    pub(crate) header: Vec<(HeaderName, HeaderValue)>,
    /// Send this text as the body
    #[arg(short = 'd', long, value_name = "TEXT", conflicts_with = "data_file")]
    pub(crate) data: Option<String>,
    /// Send this file as the body (- is standard input)
    #[arg(long, value_name = "FILE")]
    pub(crate) data_file: Option<PathBuf>,
    /// Ask the server before the body is sent (Expect: 100-continue)
    #[arg(long)]
    pub(crate) expect_continue: bool,
    /// How much of each response body is read before it is dropped: read (all), drop, or BYTES
    #[arg(long, value_name = "read|drop|BYTES", default_value = "read", value_parser = appetite)]
    pub(crate) body: Appetite,
    /// Write the response bodies, one after the other, to this file (- is standard output)
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Tell on standard error what happens: connections and why (*), what is sent (>), what comes (<)
    #[arg(short = 'v', long)]
    pub(crate) verbose: bool,
    /// Write one JSON line per exchange, in order of completion, then a summary line
    #[arg(long)]
    pub(crate) json: bool,
    /// Write every event as a line of JSON; 'keepwarm report' reads such files
    #[arg(long, value_name = "FILE.jsonl", help_heading = "Pictures and records")]
    pub(crate) events: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    #[command(flatten)]
    pub(crate) transport: TransportArgs,
}

/// How much of a response body is read before it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appetite {
    All,
    Nothing,
    UpTo(u64),
}

fn appetite(text: &str) -> Result<Appetite, String> {
    match text {
        "read" => Ok(Appetite::All),
        "drop" => Ok(Appetite::Nothing),
        bytes => quantity::size(bytes)
            .map(Appetite::UpTo)
            .map_err(|_| "write read, drop, or a number of bytes like 1500 or 64k".to_owned()),
    }
}

fn method(text: &str) -> Result<Method, String> {
    match text.parse::<Method>() {
        Ok(Method::CONNECT) => {
            Err("CONNECT is for proxies: --proxy sends it where it is needed".to_owned())
        }
        Ok(method) => Ok(method),
        Err(_) => Err("a method is one word, like GET or PUT".to_owned()),
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("a header field is written 'Name: value', with a colon")?;
    let name = HeaderName::try_from(name).map_err(|_| format!("'{name}' is no header name"))?;
    let value = HeaderValue::try_from(value.trim())
        .map_err(|_| format!("the value of {name} holds control characters"))?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_a_colon_and_a_value() {
        let (name, value) = header("X-Note:  a: b ").unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-note", "a: b"));
        assert!(header("X-Empty:").is_ok());
        for wrong in ["no-colon", "bad name: x", ": x", "x: a\nb"] {
            assert!(header(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_appetite_is_a_word_or_a_number() {
        assert_eq!(appetite("read"), Ok(Appetite::All));
        assert_eq!(appetite("drop"), Ok(Appetite::Nothing));
        assert_eq!(appetite("1k"), Ok(Appetite::UpTo(1024)));
        assert!(appetite("some").is_err_and(|mistake| mistake.contains("drop")));
    }
}
