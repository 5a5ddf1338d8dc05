//! What the scanner must not be fooled by.

use super::*;

fn code(text: &str) -> String {
    Source::read(text).code
}

#[test]
fn comments_become_spaces_and_lines_stay() {
    assert_eq!(code("a // }\nb"), "a     \nb");
    assert_eq!(code("a /* { /* } */\n*/ b"), "a             \n   b");
    assert_eq!(
        code("let s = \"// no comment\"; x"),
        "let s = \"             \"; x"
    );
}

#[test]
fn strings_of_every_kind_are_blanked() {
    assert_eq!(code(r#"f("}\"{")"#), "f(\"    \")");
    assert_eq!(code("f(r\"\\\")"), "f(r\" \")");
    assert_eq!(code("f(br#\"}\"{\"#)"), "f(br#\"   \"#)");
    assert_eq!(code("f(b\"{\", c\"}\")"), "f(b\" \", c\" \")");
    assert_eq!(code("f(r#type)"), "f(r#type)");
    assert_eq!(code("f(\"é{\")"), "f(\"   \")");
}

#[test]
fn characters_are_blanked_and_lifetimes_are_not() {
    assert_eq!(
        code("['{', b'}', '\\'', '\\u{7d}', '\"']"),
        "[' ', b' ', '  ', '      ', ' ']"
    );
    assert_eq!(
        code("fn f<'a, 'b>(x: &'a str) {}"),
        "fn f<'a, 'b>(x: &'a str) {}"
    );
    assert_eq!(
        code("'outer: loop { break 'outer }"),
        "'outer: loop { break 'outer }"
    );
    assert_eq!(code("'é' }"), "'  ' }");
}

#[test]
fn string_literals_are_kept_with_their_place() {
    let source = Source::read("fn slug() { \"a-b\"; r#\"c\"# }");
    let texts: Vec<&str> = source
        .literals()
        .iter()
        .map(|literal| literal.text.as_str())
        .collect();
    assert_eq!(texts, ["a-b", "c"]);
    assert_eq!(source.literals()[0].offset, 13);
}

#[test]
fn functions_end_at_their_own_brace() {
    let source = Source::read(
        "fn a(x: [u8; 4]) -> fn(u8) {\n  let s = \"}\";\n  { '}' }\n}\nfn b();\nimpl X { fn c() { } }",
    );
    let spans: Vec<(String, usize, usize)> = source
        .functions()
        .into_iter()
        .map(|function| {
            let lines = (
                source.line(function.span.start),
                source.line(function.span.end - 1),
            );
            (function.name, lines.0, lines.1)
        })
        .collect();
    assert_eq!(spans, [("a".to_owned(), 1, 4), ("c".to_owned(), 6, 6)]);
}

#[test]
fn tests_are_told_by_their_attribute() {
    let source = Source::read(
        "#[test]\nfn a() {}\nfn b() {}\n#[tokio::test(flavor = \"x\")]\nasync fn c() {}\n#[inline]\nfn d() {}",
    );
    let tests: Vec<String> = source
        .functions()
        .into_iter()
        .filter(|function| function.is_test)
        .map(|function| function.name)
        .collect();
    assert_eq!(tests, ["a", "c"]);
}

#[test]
fn test_code_is_not_live() {
    let live = |text: &str| {
        Source::read(text)
            .live
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        live("fn a() {}\n#[cfg(test)]\nmod tests { fn b() { } }\nfn c() {}"),
        "fn a() {} fn c() {}"
    );
    assert_eq!(
        live("#[cfg(all(test, unix))]\n#[allow(x)]\nuse a::{b};\nfn c() {}"),
        "; fn c() {}"
    );
    assert_eq!(
        live("#[cfg(not(test))]\nfn a() {}"),
        "#[cfg(not(test))] fn a() {}"
    );
    assert_eq!(live("#![cfg(test)]\nfn a() {}"), "");
    assert_eq!(
        Source::read("#[cfg(test)]\nmod far;\nmod near;").test_modules(),
        ["far"]
    );
}

#[test]
fn implementations_know_their_type() {
    let source = Source::read(
        "impl A { }\nimpl<'a, T: X<Y>> fmt::Display for b::C<T> where T: Z { }\nfn f() -> impl D { loop {} }",
    );
    let types: Vec<String> = source
        .implementations()
        .into_iter()
        .map(|it| it.of)
        .collect();
    assert_eq!(types, ["A", "C"]);
}
