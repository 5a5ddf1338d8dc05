//! `LabArgs`: the options of `keepwarm lab`.
//!
//! Owns their names and grammar, one option for each thing the server can do. Refuses to build the server.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use keepwarm_lab::{
    Accept, AfterEarly, ConnectionHeader, Expect, FaultKind, FaultPoint, HugeHead, IdleEnd,
    Interim, Listen, Pause, Which,
};

use super::quantity::{self, Ceiling};

const EXAMPLES: &str = "\
Examples:
  keepwarm lab -v                                  a good server that tells what it sees
  keepwarm lab --idle-timeout 5s                   closes connections after 5 s idle
  keepwarm lab --max-requests 100                  closes after 100 requests, and says so
  keepwarm lab --connection close --for 1m         says Connection: close, for one minute
  keepwarm lab --keep-alive-header 'timeout=5, max=100' --idle-timeout 5s
  keepwarm lab --fault reset --fault-at body:100   RST after 100 bytes of the body
Paths that answer as they say: /status/CODE /bytes/N /chunked/N /delay/MS /echo";

const CLOSING: &str = "Closing connections";
const HEAD: &str = "Head of the answer";
const BODY: &str = "Body of the answer";
const DELAYS: &str = "Delays";
const FAULTS: &str = "Faults";
const REQUESTS: &str = "Request bodies";

/// Run a server that misbehaves on request.
///
/// Without options it is a good HTTP/1.1 server that keeps connections open for ever. It runs until Ctrl-C, or
/// for as long as --for says, and ends with the counts of what it saw.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LabArgs {
    /// Where to listen: ADDRESS:PORT (port 0 takes a free one) or unix:PATH
    #[arg(long, value_name = "WHERE", default_value = "127.0.0.1:0", value_parser = listen)]
    pub(crate) listen: Listen,
    /// Write the address as one JSON line
    #[arg(long)]
    pub(crate) json: bool,
    /// Log connections and requests on standard error
    #[arg(short = 'v', long)]
    pub(crate) verbose: bool,
    /// Stop after this time [default: run until Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = quantity::timeout)]
    pub(crate) run_for: Option<Ceiling<Duration>>,
    /// What happens to connections before any byte
    #[arg(long, value_enum, value_name = "HOW", default_value = "serve")]
    pub(crate) accept: AcceptArg,
    /// Answer /status, /bytes, /chunked, /delay and /echo like any other path
    #[arg(long)]
    pub(crate) no_special_paths: bool,

    /// Close connections that were idle for so long, without a word
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = CLOSING)]
    pub(crate) idle_timeout: Option<Ceiling<Duration>>,
    /// Vary the idle timeout by up to this much to either side, from connection to connection
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = CLOSING)]
    pub(crate) idle_jitter: Option<Duration>,
    /// How idle connections end
    #[arg(long, value_enum, value_name = "HOW", default_value = "close", help_heading = CLOSING)]
    pub(crate) idle_end: IdleEndArg,
    /// Let the end of an idle connection travel so long; what is asked meanwhile is reset
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = CLOSING)]
    pub(crate) idle_end_travels: Option<Duration>,
    /// Close a connection that sends no first request in this time
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = CLOSING)]
    pub(crate) first_request_timeout: Option<Ceiling<Duration>>,
    /// Requests per connection; the last answer says Connection: close
    #[arg(long, value_name = "N", help_heading = CLOSING)]
    pub(crate) max_requests: Option<u64>,
    /// Requests per connection; the last answer announces nothing
    #[arg(long, value_name = "N", help_heading = CLOSING)]
    pub(crate) max_requests_silent: Option<u64>,
    /// From this age of a connection on, the next answer says Connection: close
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = CLOSING)]
    pub(crate) max_age: Option<Duration>,
    /// From this age on the connection closes behind its next answer, which announces nothing
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = CLOSING)]
    pub(crate) max_age_silent: Option<Duration>,
    /// The Connection header: none, keep-alive, close, close-on=N or close-from=N (N: the request's number)
    #[arg(
        long,
        value_name = "HEADER",
        default_value = "none",
        value_parser = connection,
        help_heading = CLOSING
    )]
    pub(crate) connection: ConnectionHeader,
    /// A Keep-Alive header, like 'timeout=5, max=100'
    #[arg(long, value_name = "TEXT", help_heading = CLOSING)]
    pub(crate) keep_alive_header: Option<String>,
    /// Answer HTTP/1.0, which closes unless --connection keep-alive
    #[arg(long, help_heading = CLOSING)]
    pub(crate) http10: bool,
    /// Keep the connection although the request says Connection: close
    #[arg(long, help_heading = CLOSING)]
    pub(crate) ignore_close: bool,
    /// Keep the connection although the answer said Connection: close
    #[arg(long, help_heading = CLOSING)]
    pub(crate) stays_open: bool,
    /// Shut down the sending side after the first answer, and stay
    #[arg(long, help_heading = CLOSING)]
    pub(crate) half_close: bool,

    /// The status
    #[arg(
        long,
        value_name = "CODE",
        default_value_t = 200,
        value_parser = clap::value_parser!(u16).range(200..=599),
        help_heading = HEAD
    )]
    pub(crate) status: u16,
    /// The reason phrase [default: the usual one]
    #[arg(long, value_name = "TEXT", help_heading = HEAD)]
    pub(crate) reason_phrase: Option<String>,
    /// One more header as 'Name: value', sent as it is; may be given several times
    #[arg(short = 'H', long, value_name = "FIELD", value_parser = header, help_heading = HEAD)]
    pub(crate) header: Vec<(String, String)>,
    /// Interim answers before each final one: N (of 103), or STATUSxN; may be given several times
    #[arg(long, value_name = "N", value_parser = interim, help_heading = HEAD)]
    pub(crate) interim: Vec<Interim>,
    /// Add header lines: COUNTxBYTES
    #[arg(long, value_name = "COUNTxBYTES", value_parser = huge_head, help_heading = HEAD)]
    pub(crate) huge_head: Option<HugeHead>,
    /// Switch to this protocol when a request has an Upgrade header, then send all bytes back
    #[arg(long, value_name = "PROTOCOL", help_heading = HEAD)]
    pub(crate) upgrade: Option<String>,
    /// Text of the new protocol sent along with the 101
    #[arg(long, value_name = "TEXT", requires = "upgrade", help_heading = HEAD)]
    pub(crate) upgrade_first: Option<String>,

    /// The body [default: hello, world]
    #[arg(long, value_name = "TEXT", conflicts_with = "body_size", help_heading = BODY)]
    pub(crate) body: Option<String>,
    /// A body of so many bytes
    #[arg(long, value_name = "BYTES", value_parser = quantity::size, help_heading = BODY)]
    pub(crate) body_size: Option<u64>,
    /// Chunked, in chunks of these sizes, the last repeating [default: 4096]
    #[arg(
        long,
        value_name = "SIZES",
        num_args = 0..=1,
        value_delimiter = ',',
        value_parser = quantity::length,
        group = "framing",
        help_heading = BODY
    )]
    pub(crate) chunked: Option<Vec<usize>>,
    /// A chunk extension, like ';a=b'
    #[arg(long, value_name = "TEXT", requires = "chunked", help_heading = BODY)]
    pub(crate) chunk_extension: Option<String>,
    /// A trailer field as 'Name: value'; may be given several times
    #[arg(long, value_name = "FIELD", value_parser = header, requires = "chunked", help_heading = BODY)]
    pub(crate) trailer: Vec<(String, String)>,
    /// Send no length: the body ends with the connection
    #[arg(long, group = "framing", help_heading = BODY)]
    pub(crate) no_length: bool,
    /// A Content-Length that is wrong by so many bytes: +N announces more than comes, -N less
    #[arg(long, value_name = "±N", allow_hyphen_values = true, group = "framing", help_heading = BODY)]
    pub(crate) wrong_length: Option<i64>,
    /// Send bodies that are not chunked in pieces of so many bytes [default: 64k]
    #[arg(long, value_name = "BYTES", value_parser = quantity::length, help_heading = BODY)]
    pub(crate) piece_size: Option<usize>,
    /// Cut every write into writes of so many bytes
    #[arg(long, value_name = "BYTES", value_parser = quantity::length, help_heading = BODY)]
    pub(crate) write_size: Option<usize>,

    /// Wait between the request and the head
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = DELAYS)]
    pub(crate) delay_head: Option<Duration>,
    /// Wait between head and body
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = DELAYS)]
    pub(crate) delay_body: Option<Duration>,
    /// Wait before each further chunk or piece of the body
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = DELAYS)]
    pub(crate) delay_pieces: Option<Duration>,
    /// Wait after the last byte of an answer, before closing or reading on
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = DELAYS)]
    pub(crate) delay_after: Option<Duration>,

    /// Read the request and never answer (as --fault hang)
    #[arg(long, group = "faults", help_heading = FAULTS)]
    pub(crate) hang: bool,
    /// Stop for ever after so many bytes of the body (as --fault hang --fault-at body:BYTES)
    #[arg(long, value_name = "BYTES", value_parser = quantity::size, group = "faults", help_heading = FAULTS)]
    pub(crate) stall_after: Option<u64>,
    /// Reset the connection instead of answering (as --fault reset)
    #[arg(long, group = "faults", help_heading = FAULTS)]
    pub(crate) reset: bool,
    /// What goes wrong in an answer
    #[arg(long, value_enum, value_name = "WHAT", group = "faults", help_heading = FAULTS)]
    pub(crate) fault: Option<FaultArg>,
    /// Where: start, head:BYTES or body:BYTES
    #[arg(
        long,
        value_name = "WHERE",
        default_value = "start",
        value_parser = fault_point,
        help_heading = FAULTS
    )]
    pub(crate) fault_at: FaultPoint,
    /// On which requests of a connection: all, N or from=N
    #[arg(long, value_name = "WHICH", default_value = "all", value_parser = which, help_heading = FAULTS)]
    pub(crate) fault_on: Which,
    /// Send this text right behind each answer
    #[arg(long, value_name = "TEXT", help_heading = FAULTS)]
    pub(crate) stray: Option<String>,
    /// Send this text while the connection is idle, once after each answer
    #[arg(long, value_name = "TEXT", help_heading = FAULTS)]
    pub(crate) stray_idle: Option<String>,
    /// How long after the answer --stray-idle comes
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10ms",
        value_parser = quantity::duration,
        help_heading = FAULTS
    )]
    pub(crate) stray_idle_after: Duration,

    /// Answer when so many bytes of the request body were read [default: all]
    #[arg(long, value_name = "BYTES", value_parser = quantity::size, group = "upload", help_heading = REQUESTS)]
    pub(crate) early_answer: Option<u64>,
    /// What happens to the rest of the body after an early answer
    #[arg(long, value_enum, value_name = "WHAT", default_value = "read-on", help_heading = REQUESTS)]
    pub(crate) after_early: AfterEarlyArg,
    /// Stop reading the request body after so many bytes, and never answer
    #[arg(long, value_name = "BYTES", value_parser = quantity::size, group = "upload", help_heading = REQUESTS)]
    pub(crate) stop_reading: Option<u64>,
    /// Expect: 100-continue meets: continue, after=TIME, ignore, or a final STATUS
    #[arg(long, value_name = "HOW", default_value = "continue", value_parser = expect, help_heading = REQUESTS)]
    pub(crate) expect: Expect,
}

/// An option's choices and the lab's values they stand for.
macro_rules! choices {
    ($name:ident for $target:ident { $($(#[$doc:meta])* $choice:ident,)* }) => {
        #[derive(Clone, Copy, Debug, ValueEnum)]
        pub(crate) enum $name { $($(#[$doc])* $choice,)* }

        impl From<$name> for $target {
            fn from(choice: $name) -> Self {
                match choice { $($name::$choice => Self::$choice,)* }
            }
        }
    };
}

choices! { AcceptArg for Accept {
    /// Serve them
    Serve,
    /// Never accept: connecting hangs
    Never,
    /// Do not listen: connecting is refused
    Refuse,
    /// Accept and close at once
    ThenClose,
    /// Accept and reset at once
    ThenReset,
} }

choices! { IdleEndArg for IdleEnd {
    /// With FIN
    Close,
    /// With a FIN of the sending side alone; what comes is discarded
    HalfClose,
    /// With RST
    Reset,
    /// Not at all: nothing is answered from then on, and nothing told
    Silence,
    /// With a 408 nobody asked for, then FIN
    #[value(name = "408")]
    Timeout408,
} }

choices! { FaultArg for FaultKind {
    /// FIN
    Close,
    /// Silence
    Hang,
    /// RST
    Reset,
} }

choices! { AfterEarlyArg for AfterEarly {
    /// Read it and go on
    ReadOn,
    /// Close at once
    Close,
    /// Say no more, read and discard
    ReadThenClose,
    /// Reset
    Reset,
    /// Read no more, stay open
    StopReading,
} }

fn listen(text: &str) -> Result<Listen, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(Listen::Unix(PathBuf::from(path)));
    }
    let addresses = text.to_socket_addrs().map_err(|error| {
        format!("{error}; write ADDRESS:PORT like 127.0.0.1:8080, or unix:PATH")
    })?;
    let found: Option<SocketAddr> = addresses.into_iter().next();
    found
        .map(Listen::Tcp)
        .ok_or_else(|| "this name has no address".to_owned())
}

fn connection(text: &str) -> Result<ConnectionHeader, String> {
    let number = |number: &str| number.parse::<u64>().ok().filter(|number| *number > 0);
    match text
        .split_once('=')
        .map_or((text, None), |(word, n)| (word, number(n)))
    {
        ("none", None) => Ok(ConnectionHeader::None),
        ("keep-alive", None) => Ok(ConnectionHeader::KeepAlive),
        ("close", None) => Ok(ConnectionHeader::Close(Which::All)),
        ("close-on", Some(n)) => Ok(ConnectionHeader::Close(Which::Only(n))),
        ("close-from", Some(n)) => Ok(ConnectionHeader::Close(Which::From(n))),
        _ => Err("write none, keep-alive, close, close-on=N or close-from=N".to_owned()),
    }
}

fn which(text: &str) -> Result<Which, String> {
    let (from, number) = match text.strip_prefix("from=") {
        Some(number) => (true, number),
        None if text == "all" => return Ok(Which::All),
        None => (false, text),
    };
    match number.parse::<u64>() {
        Ok(n) if n > 0 => Ok(if from { Which::From(n) } else { Which::Only(n) }),
        Ok(_) | Err(_) => Err("write all, a request's number from 1, or from=N".to_owned()),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("a field is written 'Name: value'")?;
    Ok((name.to_owned(), value.trim_start().to_owned()))
}

fn interim(text: &str) -> Result<Interim, String> {
    let (status, times) = text.split_once('x').unwrap_or(("103", text));
    let status = status
        .parse()
        .ok()
        .filter(|status| (100..200).contains(status));
    let times = times.parse().ok();
    let (Some(status), Some(times)) = (status, times) else {
        return Err("write how many, or STATUSxN with a status from 100 to 199".to_owned());
    };
    Ok(Interim {
        status,
        headers: 0,
        times,
    })
}

fn huge_head(text: &str) -> Result<HugeHead, String> {
    let parts = text.split_once('x').and_then(|(lines, bytes)| {
        let lines = lines.parse().ok()?;
        let value_bytes = quantity::length(bytes).ok()?;
        Some(HugeHead { lines, value_bytes })
    });
    parts.ok_or_else(|| "write COUNTxBYTES, like 100x1k".to_owned())
}

fn fault_point(text: &str) -> Result<FaultPoint, String> {
    let mistake = || "write start, head:BYTES or body:BYTES".to_owned();
    match text.split_once(':') {
        None if text == "start" => Ok(FaultPoint::BeforeHead),
        Some(("head", bytes)) => quantity::length(bytes).map(FaultPoint::AfterHeadBytes),
        Some(("body", bytes)) => quantity::size(bytes).map(FaultPoint::AfterBodyBytes),
        None | Some(_) => Err(mistake()),
    }
}

fn expect(text: &str) -> Result<Expect, String> {
    if let Some(time) = text.strip_prefix("after=") {
        return quantity::duration(time).map(|time| Expect::ContinueAfter(Pause::For(time)));
    }
    match text {
        "continue" => Ok(Expect::Continue),
        "ignore" => Ok(Expect::Ignore),
        status => match status.parse() {
            Ok(status @ 200..=599) => Ok(Expect::Final(status)),
            Ok(_) | Err(_) => {
                Err("write continue, after=TIME, ignore, or a status from 200 to 599".to_owned())
            }
        },
    }
}
