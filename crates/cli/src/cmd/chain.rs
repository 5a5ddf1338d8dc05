//! `keepwarm doctor --chain`: several hops, examined side by side.
//!
//! Owns that they begin and end together. Refuses to measure, to judge, and to know how a verdict looks.

use std::time::Duration;

use futures_util::future::join_all;
use keepwarm_doctor::{
    ChainDiagnosis, Diagnosis, Examination, Hop, Target, Unreachable, UnreachableKind,
};

use super::doctor::{Teller, diagnosis, draw, exit, pieces, print, settings, target};
use super::interrupt::Interrupt;
use super::watching::Watching;
use crate::args::doctor::DoctorArgs;
use crate::exit::{Exit, Failure};
use crate::out;

/// A hop before it is examined.
struct Planned {
    target: Target,
    upstream_idle: Option<Duration>,
}

pub(super) async fn run(args: &DoctorArgs) -> Result<Exit, Failure> {
    let plan = plan(args)?;
    let watching = Watching::begin(&args.picture, args.events.as_deref())?;
    let settings = settings(args, &watching)?;
    let mut interrupt = Interrupt::new()?;
    let begin = plan
        .iter()
        .map(|hop| Examination::begin(hop.target.clone(), settings.clone()));
    let begun = tokio::select! {
        begun = join_all(begin) => begun,
        () = interrupt.wait() => {
            if args.json {
                let urls: Vec<_> = plan.iter().map(|hop| hop.target.url()).collect();
                print(&out::chain_json::interrupted(&urls))?;
            }
            anstream::eprintln!("keepwarm: interrupted before the first answers");
            return Ok(Exit::Interrupted);
        }
    };
    if begun.iter().any(Result::is_err) {
        watching.finish("keepwarm doctor")?;
        return report_unreachable(args, &plan, begun);
    }
    let mut examinations: Vec<_> = begun.into_iter().flatten().collect();
    let mut teller = Teller::new();
    tokio::select! {
        () = follow(&mut examinations, &mut teller) => {}
        () = interrupt.wait() => {}
    }
    teller.clear();
    let hops: Vec<_> = plan
        .iter()
        .zip(&examinations)
        .enumerate()
        .map(|(place, (hop, examination))| {
            let measured = examination.conclude();
            let diagnosis = diagnosis(args, &measured, place == 0);
            Hop::new(measured, diagnosis, hop.upstream_idle)
        })
        .collect();
    let chain = ChainDiagnosis::of(&hops);
    let text = if args.json {
        out::chain_json::examined(&hops, &chain)
    } else {
        let mut text = out::doctor::chain::text(&hops, &chain);
        for hop in hops.iter().filter(|_| args.advice.mine) {
            let url = Some(hop.measured.url.as_str());
            text.push_str(&out::doctor::mine::text(&hop.diagnosis, url));
        }
        // Clients talk to the first hop.
        let edge = hops.first().map(|hop| pieces(args, &hop.diagnosis));
        text + &edge.unwrap_or_default()
    };
    print(&text)?;
    join_all(examinations.iter_mut().map(Examination::close)).await;
    draw(args, watching)?;
    let interrupted = hops.iter().any(|hop| hop.measured.interrupted);
    let of_hops = hops.iter().flat_map(|hop| &hop.diagnosis.findings);
    let findings: Vec<_> = chain.findings.iter().chain(of_hops).collect();
    Ok(exit(args, interrupted, chain.verdict, &findings))
}

fn plan(args: &DoctorArgs) -> Result<Vec<Planned>, Failure> {
    let hops = args.chain.hops().map_err(Failure::Usage)?;
    let plan = hops.into_iter().map(|(typed, upstream_idle)| {
        Ok(Planned {
            target: target(typed)?,
            upstream_idle,
        })
    });
    plan.collect()
}

async fn follow(examinations: &mut [Examination], teller: &mut Teller) {
    loop {
        let progress: Vec<_> = examinations.iter().map(Examination::progress).collect();
        teller.tell(&out::doctor::progress::chain(&progress));
        let all = join_all(examinations.iter_mut().map(Examination::finished));
        if tokio::time::timeout(teller.every, all).await.is_ok() {
            return;
        }
    }
}

fn report_unreachable(
    args: &DoctorArgs,
    plan: &[Planned],
    begun: Vec<Result<Examination, Unreachable>>,
) -> Result<Exit, Failure> {
    let is_setting = |it: &&Unreachable| it.kind == UnreachableKind::Settings;
    let mut failed = begun.iter().filter_map(|it| it.as_ref().err());
    if let Some(unreachable) = failed.find(is_setting) {
        return Err(Failure::Usage(unreachable.message.clone()));
    }
    let mut hops = Vec::new();
    for (hop, begun) in plan.iter().zip(begun) {
        let url = hop.target.url();
        match begun {
            Ok(examination) => {
                let measured = examination.conclude();
                let diagnosis = Diagnosis::of(&measured, args.min_idle);
                hops.push(out::doctor_json::examined(&measured, &diagnosis));
            }
            Err(unreachable) => {
                anstream::eprintln!("keepwarm: {url} cannot be examined: {unreachable}");
                hops.push(out::doctor_json::unreachable(&url, &unreachable));
            }
        }
    }
    if args.json {
        print(&out::chain_json::unreachable(&hops))?;
    }
    Ok(Exit::Unreachable)
}
