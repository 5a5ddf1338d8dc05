//! Requests per second and processor time, every client in every round.

use super::certificate::Certificate;
use super::nginx::{self, CLIENT_CORE};
use super::options::Options;
use super::peer::{self, Peer};
use super::progress;
use super::report::{Report, Samples, Speed};
use super::tools::Tools;
use crate::nginx::Nginx;

/// One kind of load.
pub(super) struct Load {
    name: &'static str,
    title: &'static str,
    path: &'static str,
    concurrency: usize,
    requests: usize,
    rounds: usize,
    /// Further words for the peer.
    kind: Option<&'static str>,
}

const SMALL: &[Load] = &[
    Load {
        name: "13-bytes-1",
        title: "13 bytes, 1 at a time",
        path: "13",
        concurrency: 1,
        requests: 20_000,
        rounds: 5,
        kind: None,
    },
    Load {
        name: "13-bytes-64",
        title: "13 bytes, 64 at a time",
        path: "13",
        concurrency: 64,
        requests: 100_000,
        // The goals are judged here.
        rounds: 11,
        kind: None,
    },
    Load {
        name: "13-bytes-512",
        title: "13 bytes, 512 at a time",
        path: "13",
        concurrency: 512,
        requests: 100_000,
        rounds: 5,
        kind: None,
    },
];

const BODIES: &[Load] = &[
    Load {
        name: "1-kib-64",
        title: "1 KiB, 64 at a time",
        path: "1k",
        concurrency: 64,
        requests: 60_000,
        rounds: 5,
        kind: None,
    },
    Load {
        name: "64-kib-8",
        title: "64 KiB, 8 at a time",
        path: "64k",
        concurrency: 8,
        requests: 20_000,
        rounds: 7,
        kind: None,
    },
    Load {
        name: "100-mib-2",
        title: "100 MiB, 2 at a time",
        path: "100m",
        concurrency: 2,
        requests: 20,
        rounds: 7,
        kind: Some("stream"),
    },
    Load {
        name: "64-kib-upload-8",
        title: "64 KiB uploads, 8 at a time",
        path: "upload",
        concurrency: 8,
        requests: 12_000,
        rounds: 7,
        kind: Some("upload=65536"),
    },
];

/// Over TLS, HTTP/1.1.
pub(super) const TLS: &[Load] = &[
    Load {
        name: "tls-13-bytes-64",
        title: "TLS, 13 bytes, 64 at a time",
        path: "13",
        concurrency: 64,
        requests: 60_000,
        rounds: 7,
        kind: None,
    },
    Load {
        name: "tls-64-kib-8",
        title: "TLS, 64 KiB, 8 at a time",
        path: "64k",
        concurrency: 8,
        requests: 12_000,
        rounds: 5,
        kind: None,
    },
];

/// Over TLS, HTTP/2.
pub(super) const HTTP2: &[Load] = &[
    Load {
        name: "h2-13-bytes-64",
        title: "HTTP/2, 13 bytes, 64 at a time",
        path: "13",
        concurrency: 64,
        requests: 60_000,
        rounds: 7,
        kind: None,
    },
    Load {
        name: "h2-64-kib-8",
        title: "HTTP/2, 64 KiB, 8 at a time",
        path: "64k",
        concurrency: 8,
        requests: 12_000,
        rounds: 5,
        kind: None,
    },
];

/// The load whose goals are judged.
pub(super) const JUDGED: &str = "13-bytes-64";

pub(super) fn small(options: &Options, tools: &Tools, report: &mut Report) -> Result<(), String> {
    all(SMALL, options, tools, report, &nginx::start(tools)?, None)
}

pub(super) fn bodies(options: &Options, tools: &Tools, report: &mut Report) -> Result<(), String> {
    all(BODIES, options, tools, report, &nginx::start(tools)?, None)
}

/// Each load with each client, from this server, which shows this certificate if any.
pub(super) fn all(
    loads: &[Load],
    options: &Options,
    tools: &Tools,
    report: &mut Report,
    nginx: &Nginx,
    certificate: Option<&Certificate>,
) -> Result<(), String> {
    for load in loads {
        let speed = measure(load, options, tools, nginx, certificate)?;
        report.speed.push(speed);
    }
    Ok(())
}

fn measure(
    load: &Load,
    options: &Options,
    tools: &Tools,
    nginx: &Nginx,
    certificate: Option<&Certificate>,
) -> Result<Speed, String> {
    let (rounds, requests) = if options.quick {
        (3, (load.requests / 10).max(load.concurrency * 2))
    } else {
        (load.rounds, load.requests)
    };
    let mut speed = Speed {
        load: load.name,
        title: load.title.to_owned(),
        rounds,
        requests,
        samples: [const { Samples::NONE }; Peer::ALL.len()],
    };
    for round in 0..rounds {
        progress(&format!(
            "  {}: round {} of {rounds}",
            load.title,
            round + 1
        ));
        for turn in 0..Peer::ALL.len() {
            // Nobody is always first, nor always behind the same one.
            let peer = Peer::ALL[(round + turn) % Peer::ALL.len()];
            let Some(program) = tools.programs.find(peer) else {
                continue;
            };
            if certificate.is_some() && !peer.is_client() {
                continue;
            }
            let mut command = peer::command(tools.taskset(), Some(CLIENT_CORE), &program);
            command
                .arg(nginx.url(load.path))
                .args([load.concurrency.to_string(), requests.to_string()])
                .args(load.kind)
                .envs(certificate.map(Certificate::variable));
            let line = peer::read(&mut command, peer.program())?;
            let samples = &mut speed.samples[peer as usize];
            samples.requests_per_second.push(line.number("rps")?);
            samples.user_micros.push(line.number("user_us")?);
            samples.system_micros.push(line.number("system_us")?);
            samples.cpu_micros.push(line.number("cpu_us")?);
        }
    }
    Ok(speed)
}
