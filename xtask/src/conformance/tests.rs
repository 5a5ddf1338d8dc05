//! The checks hold themselves: small trees that break each rule, and this checkout, which must break none.

use super::*;

const PATH: &str = "crates/keepwarm/tests/some.rs";

fn found(text: &str) -> (Vec<Held>, Vec<String>) {
    let tree = Tree::of(&[(PATH, text)]);
    let file = &tree.files[0];
    let tests = file.source.functions().into_iter();
    let tests = tests.filter(|it| it.is_test).map(|it| it.name).collect();
    let mut findings = Vec::new();
    let held = held_in(file, &tests, &mut findings);
    (held, findings)
}

#[test]
fn the_page_is_what_the_tests_say() {
    check(&crate::root()).expect("docs/conformance.md is fresh and complete");
}

#[test]
fn entries_are_read_with_their_verdicts() {
    let (held, findings) = found(
        "/// Go 10 Name: no more\n/// than two.\n/// Same as Go.\n/// Go 11 Other: closed.\n/// Differs: kept,\n\
         /// for a reason.\n/// X5: ends.\n#[test]\nfn some() {}\n",
    );
    assert_eq!(findings, Vec::<String>::new());
    let told: Vec<_> = held
        .iter()
        .map(|it| (it.entry, it.behaviour.as_str(), it.verdict.clone()))
        .collect();
    let wanted = [
        (Entry::Go(10), "no more than two.", Verdict::Same),
        (
            Entry::Go(11),
            "closed.",
            Verdict::Differs("kept, for a reason.".to_owned()),
        ),
        (Entry::Extra(5), "ends.", Verdict::Beyond),
    ];
    assert_eq!(told, wanted);
    assert!(held.iter().all(|it| it.test == "some" && it.path == PATH));
}

#[test]
fn what_is_wrong_with_a_comment_is_found() {
    for (text, complaint) in [
        ("/// Go 10 A: b.\n#[test]\nfn some() {}\n", "lacks its"),
        (
            "/// Go 10 A: b.\n/// Same as Go.\nfn helper() {}\n",
            "above no test",
        ),
        (
            "/// Go 999 A: b.\n/// Same as Go.\n#[test]\nfn some() {}\n",
            "is no entry",
        ),
        ("/// X5 b\n#[test]\nfn some() {}\n", "is no entry"),
        ("#[test]\nfn c010_some() {}\n", "does not speak of entry 10"),
        (
            "/// X4: b.\n#[test]\nfn x05_some() {}\n",
            "does not speak of entry X5",
        ),
    ] {
        let (_, findings) = found(text);
        assert_eq!(findings.len(), 1, "{text:?}: {findings:?}");
        assert!(findings[0].contains(complaint), "{text:?}: {findings:?}");
    }
}

#[test]
fn a_plain_comment_is_left_alone() {
    let (held, findings) = found("/// Go does it too.\n#[test]\nfn some() {}\n");
    assert_eq!((held.len(), findings.len()), (0, 0));
}

#[test]
fn gaps_and_bad_reasons_are_found() {
    let tree = Tree::of(&[
        (PATH, "/// X1: b.\n#[test]\nfn some() {}\n"),
        (
            "docs/conformance-reasons.txt",
            "# entry\n1 | out | A: b | c\n1 | out | A: b | c\nX1 | differs | b | c\nX2 | out | b | c\n\
             2 | out | A: b | see test `none`\n3 | perhaps | A: b | c\n4 | out | A: b\n",
        ),
    ]);
    let complaint = page(&tree).expect_err("nearly nothing is there");
    for wanted in [
        "entry 1 stands here twice",
        "entry X1 has a test: drop its reason",
        "entry X2 is promised",
        "entry 2 names no test that exists: \"none\"",
        "\"perhaps\" is neither",
        "not `entry |",
        "entry 5 has neither test nor reason",
        "entry X25 has neither test nor reason",
    ] {
        assert!(complaint.contains(wanted), "{wanted:?} in {complaint}");
    }
}

#[test]
fn a_bar_does_not_end_a_cell() {
    assert_eq!(cell("a|b"), "a\\|b");
}
