//! `keepwarm lab`: a server that misbehaves on request, until it is told to stop.
//!
//! Owns its start, its run and the counts at its end. Refuses to know what it serves.

mod behaviour;
mod log;

use std::io::Write;
use std::time::Duration;

use keepwarm_lab::{Counters, Lab, Listen};

use self::log::Log;
use super::interrupt::Interrupt;
use crate::args::lab::LabArgs;
use crate::args::quantity::Ceiling;
use crate::exit::{Exit, Failure};
use crate::out::json;
use crate::out::style::{Painted, STRONG, plural};

/// The lab waits for an entry at most `keepwarm_lab::WAIT_LIMIT`; asking anew before that costs nothing.
const ASK_ANEW: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: LabArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::new()?;
    let behaviour = behaviour::behaviour(&args);
    let lab = Lab::listen(args.listen.clone(), behaviour)
        .await
        .map_err(|error| {
            let place = name(&args.listen);
            Failure::Usage(format!(
                "cannot listen on {place}: {error} (choose another with --listen)"
            ))
        })?;
    announce(&lab, args.json)?;
    tokio::select! {
        () = interrupt.wait() => {}
        () = until(args.run_for.and_then(Ceiling::limit)) => {}
        () = follow(&lab), if args.verbose => {}
    }
    let counters = lab.connections();
    lab.stop().await;
    let _ = writeln!(anstream::stderr(), "{}", counts(&counters));
    Ok(Exit::Fine)
}

fn name(listen: &Listen) -> String {
    match listen {
        Listen::Tcp(address) => address.to_string(),
        Listen::Unix(path) => format!("unix:{}", path.display()),
    }
}

fn announce(lab: &Lab, as_json: bool) -> Result<(), Failure> {
    let (place, url) = (name(lab.local()), lab.url("/"));
    let line = if as_json {
        json::lab(&place, &url)
    } else {
        match lab.local() {
            Listen::Tcp(_) => format!(
                "The lab listens: {}  (Ctrl-C stops it)",
                Painted(STRONG, url)
            ),
            Listen::Unix(path) => format!(
                "The lab listens on {place}  (Ctrl-C stops it)\ntry: keepwarm get --unix-socket {} {url}",
                path.display()
            ),
        }
    };
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(Failure::output)
}

async fn until(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

async fn follow(lab: &Lab) {
    let mut log = Log::default();
    loop {
        let never = lab.wait_for(|transcript| {
            log.follow(transcript);
            false
        });
        let _ = tokio::time::timeout(ASK_ANEW, never).await;
    }
}

fn counts(counters: &Counters) -> String {
    let Counters {
        accepted,
        open,
        requests,
        closed_by_lab,
        reset_by_lab,
        closed_by_peer,
        reset_by_peer,
    } = *counters;
    let ends = [
        (closed_by_lab, "closed by the lab"),
        (reset_by_lab, "reset by the lab"),
        (closed_by_peer, "closed by clients"),
        (reset_by_peer, "reset by clients"),
        (open, "still open"),
    ];
    let ends = ends.iter().filter(|(count, _)| *count > 0);
    let ends: Vec<_> = ends
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let (connections, requests) = (plural(accepted, "connection"), plural(requests, "request"));
    if ends.is_empty() {
        return format!("{connections}, {requests}");
    }
    format!("{connections}, {requests}: {}", ends.join(", "))
}
