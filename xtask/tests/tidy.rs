//! The rules of the house, run with the other tests so that nobody has to remember them.

#[test]
fn the_house_is_tidy() {
    let findings = xtask::tidy::check(&xtask::root()).expect("the checkout can be listed");
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} finding(s):\n{}",
        lines.len(),
        lines.join("\n")
    );
}
