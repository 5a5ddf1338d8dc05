//! The figures for a person: the table of a run, and the generated part of `docs/robustness.md`.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::job::{Class, Figures};

const PAGE: &str = "docs/robustness.md";
const BEGIN: &str = "<!-- fuzz: begin (cargo xtask fuzz --write) -->";
const END: &str = "<!-- fuzz: end -->";

/// One line for each target that found nothing.
pub(super) fn table(figures: &[(String, Figures)]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n{:<16}{:>12}{:>9}{:>8}{:>8}{:>10}{:>8}{:>9}{:>10}\n",
        "target",
        "executions",
        "exec/s",
        "edges",
        "seeds'",
        "features",
        "new",
        "corpus",
        "peak MiB"
    );
    for (target, it) in figures {
        text += &format!(
            "{target:<16}{:>12}{:>9}{:>8}{:>8}{:>10}{:>8}{:>9}{:>10}\n",
            it.executions,
            it.per_second,
            it.edges,
            it.edges_of_seeds,
            it.features,
            it.new_inputs,
            it.corpus,
            it.peak_mebibytes
        );
    }
    text
}

/// The classes of what only hyper accepts, in one line.
pub(super) fn classes_in_short(classes: &[Class]) -> String {
    if classes.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    format!("refused here, accepted by hyper: {}\n", names.join(", "))
}

/// Puts the figures into the page.
///
/// # Errors
/// When the page is not there or has no place for them.
pub(super) fn write(
    root: &Path,
    seconds: u64,
    at_once: usize,
    figures: &[(String, Figures)],
    classes: &[Class],
) -> Result<(), String> {
    let section = section(&facts(seconds, at_once), figures, classes);
    let file = root.join(PAGE);
    let page = fs::read_to_string(&file).map_err(|error| format!("{PAGE}: {error}"))?;
    let page = replaced(&page, &section)
        .ok_or_else(|| format!("{PAGE} has no lines {BEGIN:?} and {END:?}"))?;
    fs::write(&file, page).map_err(|error| format!("{PAGE}: {error}"))?;
    println!("{PAGE} written");
    Ok(())
}

/// Without these a number means nothing.
fn facts(seconds: u64, at_once: usize) -> String {
    let said = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).output();
        let text = output.map_or_else(|_| Vec::new(), |output| output.stdout);
        String::from_utf8_lossy(&text).trim().to_owned()
    };
    let date = said("date", &["-u", "+%Y-%m-%d"]);
    let compiler = said("rustc", &["--version"]);
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = (cpuinfo.lines())
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // The last of the three is that of fifteen minutes: above the jobs' own number something else ran as well.
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().nth(2).unwrap_or("unknown");
    format!(
        "Run on {date} with {compiler}: {seconds} s for each target, {at_once} at a time on {cores} cores \
         ({model}), load average {load}."
    )
}

fn section(facts: &str, figures: &[(String, Figures)], classes: &[Class]) -> String {
    let mut text = format!("{facts} No input broke a promise.\n\n");
    text += "| target | executions | per second | edges (by the seeds alone) | features | seeds | corpus at the end \
             | peak RSS |\n|---|---:|---:|---:|---:|---:|---:|---:|\n";
    for (target, it) in figures {
        let _infallible = writeln!(
            text,
            "| `{target}` | {} | {} | {} ({}) | {} | {} | {} inputs, {} | {} MiB |",
            grouped(it.executions),
            grouped(it.per_second),
            grouped(it.edges),
            grouped(it.edges_of_seeds),
            grouped(it.features),
            it.seeds,
            grouped(it.corpus),
            it.corpus_size,
            it.peak_mebibytes
        );
    }
    text += "\nWhat the differential target saw refused here and accepted by hyper, by the name of our fault, with one \
             example each:\n\n| refused as | for example | what hyper makes of it |\n|---|---|---|\n";
    for class in classes {
        let _infallible = writeln!(
            text,
            "| `{}` | {} | {} |",
            class.name,
            code(&class.example),
            code(&class.theirs)
        );
    }
    text
}

/// As code within a table.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|");
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// With a blank between each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// The page with another text between the markers; none when they are not there.
fn replaced(page: &str, section: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, behind) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{section}{END}{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let page = format!("# Top\n\n{BEGIN}\nold\n{END}\n\nbelow\n");
        let first = replaced(&page, "new\n").expect("both markers");
        assert_eq!(first, format!("# Top\n\n{BEGIN}\nnew\n{END}\n\nbelow\n"));
        assert_eq!(replaced(&first, "new\n"), Some(first.clone()));
        assert_eq!(replaced("# Top\n", "new\n"), None);
    }

    #[test]
    fn the_section_has_a_line_for_each_target_and_class() {
        let figures = Figures {
            executions: 1_234_567,
            ..Figures::default()
        };
        let class = Class {
            name: "length".to_owned(),
            example: "a|b`c".to_owned(),
            theirs: "200".to_owned(),
        };
        let text = section("Facts.", &[("client".to_owned(), figures)], &[class]);
        assert!(text.contains("| `client` | 1 234 567 |"), "{text}");
        assert!(
            text.contains("| `length` | `` a\\|b`c `` | `200` |"),
            "{text}"
        );
    }
}
