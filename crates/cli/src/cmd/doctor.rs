//! `keepwarm doctor`: what a server does to connections.
//!
//! Owns the run, its progress on standard error and its end. Refuses to measure, to judge, and to know how a verdict
//! looks.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use keepwarm_doctor::{
    Diagnosis, Examination, Measured, Settings, Severity, Target, Unreachable, UnreachableKind,
    Verdict,
};

use super::interrupt::Interrupt;
use super::watching::Watching;
use crate::args::doctor::DoctorArgs;
use crate::exit::{Exit, Failure};
use crate::out;

/// How often progress is told on a terminal, and elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(250);
const ELSEWHERE: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: DoctorArgs) -> Result<Exit, Failure> {
    let typed = args.url.0.clone().map_err(Failure::Usage)?;
    if typed.has_credentials {
        let mistake = "the doctor sends no credentials: leave them out of the URL";
        return Err(Failure::Usage(mistake.to_owned()));
    }
    let target = Target::of(&typed.uri).map_err(|error| Failure::Usage(error.to_string()))?;
    let url = target.url();
    let watching = Watching::begin(&args.picture, args.events.as_deref())?;
    let settings = settings(&args, &watching)?;
    let mut interrupt = Interrupt::new()?;
    let begun = tokio::select! {
        begun = Examination::begin(target, settings) => begun,
        () = interrupt.wait() => {
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
    let diagnosis = Diagnosis::of(&measured, args.min_idle);
    let text = if args.json {
        out::doctor_json::examined(&measured, &diagnosis)
    } else {
        out::doctor::text(&measured, &diagnosis)
    };
    print(&text)?;
    examination.close().await;
    if let Some(report) = watching
        .finish("keepwarm doctor")?
        .filter(|_| args.picture.timeline_text)
    {
        print(&format!("\n{}", out::lanes::lines(&report).join("\n")))?;
    }
    Ok(exit(&args, &measured, &diagnosis))
}

fn settings(args: &DoctorArgs, watching: &Watching) -> Result<Settings, Failure> {
    let mut settings = Settings::of(args.budget());
    settings.most_requests = args.max_requests;
    settings.observer = watching
        .is_any()
        .then(|| Arc::new(watching.observer()) as _);
    settings.tls = args.tls.settings().map_err(Failure::Usage)?;
    if let Some(wait) = args.wait() {
        settings.limit = wait;
    }
    Ok(settings)
}

async fn follow(examination: &mut Examination, teller: &mut Teller) {
    loop {
        teller.tell(examination);
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

fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{text}").map_err(Failure::output)
}

fn exit(args: &DoctorArgs, measured: &Measured, diagnosis: &Diagnosis) -> Exit {
    if measured.interrupted {
        return Exit::Interrupted;
    }
    if !args.fail_on.is_empty() {
        let mut causes = diagnosis.findings.iter().map(|finding| finding.cause);
        if causes.any(|cause| args.fail_on.contains(&cause)) {
            return Exit::Finding;
        }
        let too_short = diagnosis.findings.iter().any(|finding| {
            finding.cause == keepwarm_doctor::Cause::IdleTimeoutShort
                && finding.severity == Severity::High
        });
        if args.min_idle.is_some() && too_short {
            return Exit::Finding;
        }
        return match diagnosis.verdict {
            Verdict::Healthy | Verdict::Findings => Exit::Fine,
            Verdict::Inconclusive => Exit::Interrupted,
        };
    }
    match diagnosis.verdict {
        Verdict::Healthy => Exit::Fine,
        Verdict::Findings => Exit::Finding,
        Verdict::Inconclusive => Exit::Interrupted,
    }
}

/// Tells on standard error how far it is: one line that changes on a terminal, a plain line now and then elsewhere.
struct Teller {
    on_terminal: bool,
    every: Duration,
    began: Instant,
}

impl Teller {
    fn new() -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        Self {
            on_terminal,
            every: if on_terminal { ON_TERMINAL } else { ELSEWHERE },
            began: Instant::now(),
        }
    }

    fn tell(&mut self, examination: &Examination) {
        let line = out::doctor::progress::line(&examination.progress());
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

    fn clear(&self) {
        if self.on_terminal {
            let mut stderr = anstream::stderr();
            drop(write!(stderr, "\r\x1b[2K").and_then(|()| stderr.flush()));
        }
    }
}
