//! All settings in a row: what was to be found, what was, and how often both agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use keepwarm::report::Cause;

use crate::stage::Case;
use crate::support::runtime;
use crate::{client, limits, protocol, server, transport};

fn cases() -> Vec<Case> {
    let mut cases = server::cases();
    cases.extend(protocol::cases());
    cases.extend(client::cases());
    cases.extend(limits::cases());
    cases.extend(transport::cases());
    cases
}

/// Of each cause: rightly found, wrongly found, missed.
#[derive(Default)]
struct Score {
    right: u32,
    wrong: u32,
    missed: u32,
}

fn percent(part: u32, whole: u32) -> u32 {
    (part * 100).checked_div(whole).unwrap_or(100)
}

/// Precision: of what is found, how much is there. Recall: of what is there, how much is found. Both are to be whole.
#[test]
fn each_cause_is_found_where_it_is_and_nowhere_else() {
    let mut scores: BTreeMap<Cause, Score> = BTreeMap::new();
    let mut mistakes = String::new();
    for case in cases() {
        // Tasks of one setting end with its runtime.
        let report = runtime().block_on(async {
            let playing = tokio::time::timeout(std::time::Duration::from_secs(20), (case.play)());
            playing.await.expect("a setting takes seconds").report()
        });
        let wanted: BTreeSet<Cause> = case.found.iter().copied().collect();
        let found: BTreeSet<Cause> = report.findings.iter().map(|it| it.cause).collect();
        for cause in wanted.union(&found) {
            let score = scores.entry(*cause).or_default();
            match (wanted.contains(cause), found.contains(cause)) {
                (true, true) => score.right += 1,
                (false, true) => score.wrong += 1,
                (true, false) => score.missed += 1,
                (false, false) => {}
            }
        }
        println!("{:<26} {:<60} {found:?}", case.about, case.setting);
        if wanted != found {
            write!(
                mistakes,
                "\n{}: {}: found {found:?}, wanted {wanted:?}\n{:#?}\n{:#?}",
                case.about, case.setting, report.findings, report.connections
            )
            .expect("a string takes all");
        }
    }
    println!(
        "\n{:<26} {:>5} {:>5} {:>6}",
        "cause", "right", "wrong", "missed"
    );
    let mut sum = Score::default();
    for (cause, score) in &scores {
        println!(
            "{cause:<26} {:>5} {:>5} {:>6}",
            score.right, score.wrong, score.missed
        );
        sum.right += score.right;
        sum.wrong += score.wrong;
        sum.missed += score.missed;
    }
    println!(
        "precision {} %, recall {} %",
        percent(sum.right, sum.right + sum.wrong),
        percent(sum.right, sum.right + sum.missed)
    );
    assert!(mistakes.is_empty(), "{mistakes}");
}

/// There is a setting in which each cause is found, and one about it in which it is not.
#[test]
fn each_cause_has_a_setting_with_it_and_one_without() {
    let cases = cases();
    for cause in Cause::ALL {
        let about = || cases.iter().filter(|case| case.about == cause);
        assert!(about().any(|case| case.found == [cause]), "{cause}");
        assert!(about().any(|case| !case.found.contains(&cause)), "{cause}");
    }
}
