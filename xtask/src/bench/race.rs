//! What every client with a pool is asked against our own servers: the memory of idle connections, and the race.

use super::certificate::Certificate;
use super::nginx::CLIENT_CORE;
use super::numbers::grouped;
use super::options::Options;
use super::peer::{self, Line, Peer, PerPeer};
use super::progress;
use super::report::{Figure, Report, Value};
use super::server::Server;
use super::tools::Tools;

const CONNECTIONS: usize = 5_000;
const QUICK_CONNECTIONS: usize = 1_000;
/// The server closes so long after its last answer, and the clients send about as often.
const GAP_MILLIS: &str = "20";
const SECONDS: usize = 8;
const QUICK_SECONDS: usize = 2;

/// The names of the race's figures: failures in the first second, and after it.
const GET: [&str; 2] = ["race-get-first-second", "race-get"];
const POST: [&str; 2] = ["race-post-first-second", "race-post"];

pub(super) fn idle(
    options: &Options,
    tools: &Tools,
    report: &mut Report,
    certificate: Option<&Certificate>,
) -> Result<(), String> {
    let connections = if options.quick {
        QUICK_CONNECTIONS
    } else {
        CONNECTIONS
    };
    let count = connections.to_string();
    let files = certificate.map(Certificate::words);
    let mut server = vec!["barrier", &count];
    server.extend(files.iter().flatten().map(String::as_str));
    let values = for_clients(tools, |peer| {
        let (line, _) = against_with(tools, &server, peer, certificate, |url| {
            vec!["idle".to_owned(), url.to_owned(), count.clone()]
        })?;
        Ok(Value::Number(line.number("bytes")?))
    })?;
    let (name, kind) = match certificate {
        None => ("idle-bytes", "an idle connection"),
        Some(_) => ("idle-tls-bytes", "an idle TLS connection"),
    };
    report.figures.push(Figure {
        name,
        title: format!(
            "resident bytes of {kind}, {} held",
            grouped(connections as f64, 0)
        ),
        decimals: 0,
        values,
    });
    Ok(())
}

pub(super) fn measure(options: &Options, tools: &Tools, report: &mut Report) -> Result<(), String> {
    for (method, [first_second, later]) in [("GET", GET), ("POST", POST)] {
        let seconds = if options.quick {
            QUICK_SECONDS
        } else {
            SECONDS
        };
        let mut duplicates = NONE;
        let mut early = NONE;
        let values = for_clients(tools, |peer| {
            let (line, counted) = against(tools, &["race", GAP_MILLIS], peer, |url| {
                let words = ["race", url, method, GAP_MILLIS];
                let mut words: Vec<String> = words.map(str::to_owned).to_vec();
                words.push(seconds.to_string());
                words
            })?;
            let share = |ok: &str, failed: &str| -> Result<Value, String> {
                let (ok, failed) = (line.number(ok)?, line.number(failed)?);
                Ok(Value::Share(failed, ok + failed))
            };
            early[peer as usize] = share("early_ok", "early_failed")?;
            duplicates[peer as usize] = Value::Number(counted.number("duplicates")?);
            share("ok", "failed")
        })?;
        for (index, value) in values.iter().enumerate() {
            // A client that is not here is said to be so in every row.
            if let Value::None(_) = value {
                early[index] = value.clone();
                duplicates[index] = value.clone();
            }
        }
        let mut push = |name, title: String, values| {
            let decimals = 0;
            report.figures.push(Figure {
                name,
                title,
                decimals,
                values,
            });
        };
        push(
            first_second,
            format!("race, {method}: failures in the first second"),
            early,
        );
        push(
            later,
            format!("race, {method}: failures in the {} s after it", seconds - 1),
            values,
        );
        if method == "POST" {
            push(
                "race-post-twice",
                "race, POST: delivered twice".to_owned(),
                duplicates,
            );
        }
    }
    Ok(())
}

const NONE: PerPeer<Value> = [const { Value::None("–") }; Peer::ALL.len()];

/// One value of each client that is here.
fn for_clients(
    tools: &Tools,
    mut measure: impl FnMut(Peer) -> Result<Value, String>,
) -> Result<PerPeer<Value>, String> {
    let mut values = NONE;
    for peer in Peer::ALL.into_iter().filter(|peer| peer.is_client()) {
        values[peer as usize] = if tools.programs.find(peer).is_some() {
            progress(&format!("  {}", peer.label()));
            measure(peer)?
        } else {
            Value::None(tools.why_absent(peer))
        };
    }
    Ok(values)
}

/// Runs a client against a server of its own: what it said, and what the server counted.
pub(super) fn against(
    tools: &Tools,
    server: &[&str],
    peer: Peer,
    words: impl FnOnce(&str) -> Vec<String>,
) -> Result<(Line, Line), String> {
    against_with(tools, server, peer, None, words)
}

fn against_with(
    tools: &Tools,
    server: &[&str],
    peer: Peer,
    certificate: Option<&Certificate>,
    words: impl FnOnce(&str) -> Vec<String>,
) -> Result<(Line, Line), String> {
    let program = (tools.programs.find(peer)).ok_or_else(|| tools.why_absent(peer).to_owned())?;
    let server = Server::start(tools, server, certificate.is_some())?;
    let mut command = peer::command(tools.taskset(), Some(CLIENT_CORE), &program);
    command
        .args(words(server.url()))
        .envs(certificate.map(Certificate::variable));
    let line = peer::read(&mut command, peer.program())?;
    Ok((line, server.end()?))
}
