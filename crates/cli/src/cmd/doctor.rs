//! `keepwarm doctor`: what a server does to connections.
//!
//! Owns the run, its progress on standard error and its end. Refuses to measure, to judge, and to know how a verdict
//! looks.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use keepwarm_doctor::{
    Cause, Diagnosis, Examination, Finding, Measured, Settings, Severity, Target, Unreachable,
    UnreachableKind, Verdict,
};

use super::interrupt::Interrupt;
use super::watching::Watching;
use crate::args::doctor::DoctorArgs;
use crate::args::target::Typed;
use crate::exit::{Exit, Failure};
use crate::out;

/// How often progress is told on a terminal, and elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(250);
const ELSEWHERE: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: DoctorArgs) -> Result<Exit, Failure> {
    let Some(typed) = &args.url else {
        return super::chain::run(&args).await;
    };
    args.chain.none().map_err(Failure::Usage)?;
    let target = target(typed)?;
    let target = match args.http2_prior_knowledge {
        true => target.http2_only(),
        false => target,
    };
    let url = target.url();
    let watching = Watching::begin(&args.picture, args.events.as_deref())?;
    let settings = settings(&args, &watching)?;
    let mut interrupt = Interrupt::new()?;
    let begun = tokio::select! {
        begun = Examination::begin(target, settings) => begun,
        () = interrupt.wait() => {
            if args.json {
                print(&out::doctor_json::interrupted(&url))?;
            }
            anstream::eprintln!("keepwarm: interrupted before the first answer");
            return Ok(Exit::Interrupted);
        }
    };
    let mut examination = match begun {
        Ok(examination) => examination,
        Err(unreachable) => {
            watching.finish("keepwarm doctor")?;
            return report_unreachable(&args, &url, &unreachable);
        }
    };
    let mut teller = Teller::new();
    tokio::select! {
        () = follow(&mut examination, &mut teller) => {}
        () = interrupt.wait() => {}
    }
    teller.clear();
    let measured = examination.conclude();
    let diagnosis = diagnosis(&args, &measured, true);
    let text = if args.json {
        out::doctor_json::examined(&measured, &diagnosis)
    } else if args.verbose {
        out::doctor::whole(&measured, &diagnosis) + &advice(&args, &diagnosis)
    } else {
        out::doctor::text(&measured, &diagnosis) + &advice(&args, &diagnosis)
    };
    print(&text)?;
    examination.close().await;
    draw(&args, watching)?;
    let interrupted = measured.interrupted;
    Ok(exit(
        &args,
        interrupted,
        diagnosis.verdict,
        &diagnosis.findings.iter().collect::<Vec<_>>(),
    ))
}

/// The diagnosis of a server; the client that was asked about is that of the first hop of a chain.
pub(super) fn diagnosis(args: &DoctorArgs, measured: &Measured, has_client: bool) -> Diagnosis {
    let mut diagnosis = Diagnosis::of(measured, args.min_idle);
    if let Some(client) = args.advice.client.as_ref().filter(|_| has_client) {
        diagnosis.consider(measured, client, args.advice.rate);
    }
    diagnosis
}

/// What was asked for behind the first screen.
fn advice(args: &DoctorArgs, diagnosis: &Diagnosis) -> String {
    let mine = args
        .advice
        .mine
        .then(|| out::doctor::mine::text(diagnosis, None));
    mine.unwrap_or_default() + &pieces(args, diagnosis)
}

/// The pieces of code and configuration that were asked for.
pub(super) fn pieces(args: &DoctorArgs, diagnosis: &Diagnosis) -> String {
    out::doctor::snippets::text(diagnosis, |name| args.advice.wants(name))
}

/// The pictures that were asked for, when everything has ended.
pub(super) fn draw(args: &DoctorArgs, watching: Watching) -> Result<(), Failure> {
    let report = watching.finish("keepwarm doctor")?;
    match report.filter(|_| args.picture.timeline_text) {
        None => Ok(()),
        Some(report) => print(&format!("\n{}", out::lanes::lines(&report).join("\n"))),
    }
}

pub(super) fn target(typed: &Typed) -> Result<Target, Failure> {
    let typed = typed.0.clone().map_err(Failure::Usage)?;
    if typed.has_credentials {
        let mistake = "the doctor sends no credentials: leave them out of the URL";
        return Err(Failure::Usage(mistake.to_owned()));
    }
    Target::of(&typed.uri).map_err(|error| Failure::Usage(error.to_string()))
}

pub(super) fn settings(args: &DoctorArgs, watching: &Watching) -> Result<Settings, Failure> {
    let mut settings = Settings::of(args.budget());
    settings.most_requests = args.max_requests;
    settings.observer = watching
        .is_any()
        .then(|| Arc::new(watching.observer()) as _);
    settings.aggressive = args.aggressive;
    settings.owned = args.i_own_this;
    settings.connections = usize::from(args.connections);
    settings.tls = args.tls.settings().map_err(Failure::Usage)?;
    if let Some(wait) = args.wait() {
        settings.limit = wait;
    }
    Ok(settings)
}

async fn follow(examination: &mut Examination, teller: &mut Teller) {
    loop {
        teller.tell(&out::doctor::progress::line(&examination.progress()));
        let over = tokio::time::timeout(teller.every, examination.finished()).await;
        if over.is_ok() {
            return;
        }
    }
}

fn report_unreachable(
    args: &DoctorArgs,
    url: &str,
    unreachable: &Unreachable,
) -> Result<Exit, Failure> {
    if unreachable.kind == UnreachableKind::Settings {
        return Err(Failure::Usage(unreachable.message.clone()));
    }
    if args.json {
        print(&out::doctor_json::unreachable(url, unreachable))?;
    }
    anstream::eprintln!("keepwarm: {url} cannot be examined: {unreachable}");
    Ok(Exit::Unreachable)
}

pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{text}").map_err(Failure::output)
}

/// The code for a verdict and all that was found.
pub(super) fn exit(
    args: &DoctorArgs,
    interrupted: bool,
    verdict: Verdict,
    findings: &[&Finding],
) -> Exit {
    if interrupted {
        return Exit::Interrupted;
    }
    if !args.fail_on.is_empty() {
        let is_named = |finding: &&Finding| args.fail_on.contains(&finding.cause);
        let is_too_short = |finding: &&Finding| {
            finding.cause == Cause::IdleTimeoutShort && finding.severity == Severity::High
        };
        let counts =
            |finding| is_named(finding) || args.min_idle.is_some() && is_too_short(finding);
        if findings.iter().any(counts) {
            return Exit::Finding;
        }
        return match verdict {
            Verdict::Healthy | Verdict::Findings => Exit::Fine,
            Verdict::Inconclusive => Exit::Interrupted,
        };
    }
    match verdict {
        Verdict::Healthy => Exit::Fine,
        Verdict::Findings => Exit::Finding,
        Verdict::Inconclusive => Exit::Interrupted,
    }
}

/// Tells on standard error how far it is: one line that changes on a terminal, a plain line now and then elsewhere.
pub(super) struct Teller {
    on_terminal: bool,
    pub(super) every: Duration,
    began: Instant,
}

impl Teller {
    pub(super) fn new() -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        Self {
            on_terminal,
            every: if on_terminal { ON_TERMINAL } else { ELSEWHERE },
            began: Instant::now(),
        }
    }

    pub(super) fn tell(&mut self, line: &str) {
        let mut stderr = anstream::stderr();
        let told = if self.on_terminal {
            write!(stderr, "\r\x1b[2K{line}").and_then(|()| stderr.flush())
        } else if self.began.elapsed() >= self.every {
            writeln!(stderr, "{line}")
        } else {
            Ok(())
        };
        // Whoever does not read the progress still wants the verdict.
        drop(told);
    }

    pub(super) fn clear(&self) {
        if self.on_terminal {
            let mut stderr = anstream::stderr();
            drop(write!(stderr, "\r\x1b[2K").and_then(|()| stderr.flush()));
        }
    }
}
