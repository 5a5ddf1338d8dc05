//! Each cause has its page, and the list of pages has its sentence.

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
