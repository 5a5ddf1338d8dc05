//! Each cause has its page, and the list of pages has its sentence.

use std::collections::BTreeSet;

use keepwarm_doctor::Cause;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/causes");

fn page(name: &str) -> String {
    let path = format!("{FOLDER}/{name}.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn each_cause_has_a_page_with_its_parts() {
    let list = page("README");
    for cause in Cause::ALL {
        let slug = cause.slug();
        let page = page(slug);
        let mut paragraphs = page.split("\n\n");
        assert_eq!(paragraphs.next(), Some(format!("# `{slug}`").as_str()));
        let sentence: Vec<&str> = paragraphs
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let sentence = sentence.join(" ");
        assert!(
            list.contains(&format!("| [`{slug}`]({slug}.md) | {sentence} |")),
            "{slug}"
        );
        let parts = [
            "How it looks",
            "Check it yourself",
            "Cure",
            "Not to be confused with",
        ];
        for part in parts {
            assert!(page.contains(&format!("\n## {part}\n")), "{slug}: {part}");
        }
    }
}

#[test]
fn no_page_is_left_over_and_no_link_is_dead() {
    let all: BTreeSet<String> = std::fs::read_dir(FOLDER)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().trim_end_matches(".md").to_owned())
        .filter(|name| name != "README")
        .collect();
    let known = Cause::ALL.map(Cause::slug).into_iter();
    let known: BTreeSet<&str> = known
        .chain(keepwarm_report::Cause::ALL.map(keepwarm_report::Cause::slug))
        .collect();
    assert_eq!(
        all.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        known
    );
    for name in &all {
        let text = page(name);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let is_page = link
                .strip_suffix(".md")
                .is_none_or(|target| all.contains(target));
            assert!(is_page, "{name}: {link}");
        }
    }
}
