//! Who may use whom: the floors of the house, the purity of the core, the lab's independence.

use super::source::words;
use super::tables::{
    BESIDE, BESIDE_CRATES, BESIDE_MANIFEST, BESIDE_SOURCE, HOUSES, House, IMPURE_CALLS,
    IMPURE_PATHS, IMPURE_WORDS, PURE_SOURCE, UNWANTED_DEPENDENCIES, WORDS,
};
use super::usage::{from_root, paths};
use super::{File, Finding, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for house in HOUSES {
        for (file, inside) in tree.rust_in(house.source) {
            house.check(file, &File::module(inside), &mut findings);
        }
    }
    for (file, _) in tree.rust_in(PURE_SOURCE) {
        check_purity(file, &mut findings);
    }
    let dependencies = tree
        .file(BESIDE_MANIFEST)
        .map_or_else(Vec::new, dependencies);
    for (file, inside) in tree.rust_in(BESIDE_SOURCE) {
        if File::module(inside)
            .first()
            .is_some_and(|first| first == BESIDE)
        {
            check_beside(file, &dependencies, &mut findings);
        }
    }
    for (manifest, unwanted, why) in UNWANTED_DEPENDENCIES {
        if let Some(file) = tree.file(manifest) {
            check_dependencies(file, unwanted, why, &mut findings);
        }
    }
    findings
}

impl House {
    fn floor(&self, module: &str) -> Option<u8> {
        let found = self.floors.iter().find(|(name, _)| *name == module);
        found.map(|(_, floor)| *floor)
    }

    fn check(&self, file: &File, module: &[String], findings: &mut Vec<Finding>) {
        // The root declares the modules and re-exports; it stands on no floor.
        let Some(own) = module.first() else {
            return;
        };
        let Some(floor) = self.floor(own) else {
            findings.push(Finding::new(
                file,
                1,
                format!("module {own} of {} has no floor", self.name),
                "a module without a floor could use anything",
                "give it one in xtask/src/tidy/tables.rs, or a place inside a module that has one",
            ));
            return;
        };
        for path in paths(file.source.live()) {
            let Some(target) = from_root(module, &path.names) else {
                continue;
            };
            let Some(used) = target.first().filter(|used| *used != own) else {
                continue;
            };
            let Some(used_floor) = self.floor(used) else {
                continue;
            };
            if let Some(why) = self.objection(own, floor, used, used_floor) {
                findings.push(Finding::new(
                    file,
                    file.source.line(path.offset),
                    format!("{own} (floor {floor}) uses {used} (floor {used_floor})"),
                    &why,
                    "move what both need to a floor below, or hand it in as a value",
                ));
            }
        }
    }

    fn objection(&self, own: &str, floor: u8, used: &str, used_floor: u8) -> Option<String> {
        let is_excepted = self
            .exceptions
            .iter()
            .any(|(from, to, _)| *from == own && *to == used)
            || (own != BESIDE && self.everywhere.iter().any(|(name, _)| *name == used));
        if is_excepted {
            return None;
        }
        if used_floor > floor {
            return Some("a floor uses only the floors below it".to_owned());
        }
        let are_strangers = self
            .strangers
            .iter()
            .any(|group| group.contains(&own) && group.contains(&used));
        are_strangers.then(|| "these modules do not know each other".to_owned())
    }
}

/// No clock, socket, lock, task or async in the core, outside tests.
fn check_purity(file: &File, findings: &mut Vec<Finding>) {
    let live = file.source.live();
    let mut object = |offset: usize, what: String| {
        findings.push(Finding::new(
            file,
            file.source.line(offset),
            format!("{what} in the core"),
            "machines open nothing, wait for nothing and read no clock",
            "take it as an argument, or return an action and let the shell do it",
        ));
    };
    for (offset, word) in words(live) {
        if IMPURE_WORDS.contains(&word) {
            object(offset, word.to_owned());
        }
    }
    for path in paths(live) {
        let begins = |start: &&[&str]| {
            path.names
                .iter()
                .zip(*start)
                .filter(|(a, b)| a == *b)
                .count()
                == start.len()
        };
        let contains = |call: &&[&str]| path.names.windows(call.len()).any(|names| names == *call);
        if IMPURE_PATHS.iter().any(begins) || IMPURE_CALLS.iter().any(contains) {
            object(path.offset, path.names.join("::"));
        }
    }
}

/// The module beside the floors uses the words, `std`, and the crates it hands events on to.
fn check_beside(file: &File, dependencies: &[String], findings: &mut Vec<Finding>) {
    for path in paths(file.source.live()) {
        let name = |index: usize| path.names.get(index).map_or("", String::as_str);
        let is_fine = match name(0) {
            "crate" => name(1) == BESIDE,
            "keepwarm_core" => WORDS.contains(&name(1)),
            other if BESIDE_CRATES.contains(&other) => true,
            other => !dependencies.iter().any(|dependency| dependency == other),
        };
        if !is_fine {
            findings.push(Finding::new(
                file,
                file.source.line(path.offset),
                format!("{BESIDE} uses {}", path.names.join("::")),
                "of keepwarm it knows the words (floor 0) only, so that events never carry references into the client",
                "put what the event must carry into keepwarm_core::event",
            ));
        }
    }
}

/// The crates a manifest names, as they are written in paths.
fn dependencies(manifest: &File) -> Vec<String> {
    let mut in_dependencies = false;
    let mut found = Vec::new();
    for line in manifest.text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
        } else if in_dependencies {
            let key = line.split(['=', '.', ' ', '#']).next().unwrap_or("");
            found.push(key.trim_matches('"').replace('-', "_"));
        }
    }
    found
}

fn check_dependencies(file: &File, unwanted: &[&str], why: &str, findings: &mut Vec<Finding>) {
    let mut section = String::new();
    for (index, line) in file.text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).to_owned();
        }
        if !section.contains("dependencies") {
            continue;
        }
        let key = line.split(['=', '.', ' ']).next().unwrap_or("");
        let by_table = section.rsplit('.').next().unwrap_or("");
        let named = if line.starts_with('[') { by_table } else { key };
        let named = named.trim_matches('"');
        let renamed = unwanted
            .iter()
            .find(|name| line.contains(&format!("package = \"{name}\"")));
        if let Some(name) = unwanted.iter().find(|name| **name == named).or(renamed) {
            findings.push(Finding::new(
                file,
                index + 1,
                format!("depends on {name}"),
                why,
                "do without it",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[(path, text)]);
        check(&tree)
            .into_iter()
            .map(|it| format!("{}: {}", it.line, it.what))
            .collect()
    }

    #[test]
    fn a_word_that_uses_a_machine_is_found() {
        let found = findings(
            "crates/core/src/reason/mod.rs",
            "use crate::origin::Origin;\nuse crate::h1::Engine;",
        );
        assert_eq!(found, ["2: reason (floor 0) uses h1 (floor 1)"]);
    }

    #[test]
    fn machines_do_not_know_each_other_but_the_pool_owns_a_learner() {
        let found = findings(
            "crates/core/src/h1/head.rs",
            "fn f() { super::super::pool::g(); }",
        );
        assert_eq!(found, ["1: h1 (floor 1) uses pool (floor 1)"]);
        assert_eq!(
            findings(
                "crates/core/src/pool/mod.rs",
                "use crate::{learn::Learner, reason::Reuse};"
            ),
            [""; 0]
        );
        let found = findings("crates/core/src/learn.rs", "use crate::pool::Pool;");
        assert_eq!(found, ["1: learn (floor 1) uses pool (floor 1)"]);
    }

    #[test]
    fn wires_do_not_use_the_transport_but_know_errors() {
        let text = "use crate::error::Error;\nuse crate::{\n  tls, transport::Call};\nuse crate::conn::Conn;";
        let found = findings("crates/keepwarm/src/dial/mod.rs", text);
        assert_eq!(
            found,
            [
                "2: dial (floor 2) uses tls (floor 2)",
                "2: dial (floor 2) uses transport (floor 3)"
            ]
        );
    }

    #[test]
    fn a_module_without_a_floor_is_found() {
        let found = findings("crates/keepwarm/src/helpers.rs", "");
        assert_eq!(found, ["1: module helpers of keepwarm has no floor"]);
        assert_eq!(
            findings("crates/keepwarm/src/lib.rs", "use crate::client::Client;"),
            [""; 0]
        );
    }

    #[test]
    fn the_core_reads_no_clock_and_opens_no_socket() {
        let found = |text: &str| findings("crates/core/src/pool/mod.rs", text);
        assert_eq!(
            found("fn f() { Instant::now(); }"),
            ["1: Instant::now in the core"]
        );
        assert_eq!(found("fn f() { std::time::SystemTime::now(); }").len(), 1);
        assert_eq!(
            found("use std::net::{SocketAddr, TcpStream};"),
            ["1: TcpStream in the core"]
        );
        assert_eq!(
            found("use std::{fs, time::Instant};"),
            ["1: std::fs in the core"]
        );
        assert_eq!(found("use std::sync::Mutex;"), ["1: Mutex in the core"]);
        assert_eq!(found("async fn f() { g().await }").len(), 2);
        assert_eq!(found("use tokio::net;"), ["1: tokio in the core"]);
        assert_eq!(
            found("use std::time::{Duration, Instant};\n// tokio\nconst T: &str = \"tokio\";"),
            [""; 0]
        );
        assert_eq!(
            found("#[cfg(test)]\nmod tests { fn f() { Instant::now(); } }"),
            [""; 0]
        );
    }

    #[test]
    fn observers_use_the_words_only() {
        let manifest =
            "[dependencies]\nbytes = \"1\"\nkeepwarm-core.workspace = true\ntower-service = \"0\"";
        let found = |text: &str| -> Vec<String> {
            let tree = Tree::of(&[
                ("crates/keepwarm/Cargo.toml", manifest),
                ("crates/keepwarm/src/observe/mod.rs", text),
            ]);
            check(&tree).into_iter().map(|it| it.what).collect()
        };
        let fine = "use std::sync::Arc;\nuse keepwarm_core::{event::Event, reason};\nuse self::a::B;\nuse slow::C;";
        assert_eq!(found(fine), [""; 0]);
        assert_eq!(
            found("use keepwarm_core::pool::Pool;"),
            ["observe uses keepwarm_core::pool::Pool"]
        );
        assert_eq!(found("use bytes::Bytes;"), ["observe uses bytes::Bytes"]);
        assert_eq!(
            found("fn f() { tower_service::call(); }"),
            ["observe uses tower_service::call"]
        );
        assert_eq!(
            found("use crate::error::Error;").len(),
            2,
            "neither as a floor nor as a word"
        );
    }

    #[test]
    fn the_lab_shares_no_parser() {
        let found = |text: &str| findings("crates/lab/Cargo.toml", text);
        assert_eq!(
            found("[dependencies]\nbytes = \"1\"\nkeepwarm-core.workspace = true"),
            ["3: depends on keepwarm-core"]
        );
        assert_eq!(
            found("[dev-dependencies]\nhttparse = \"1\""),
            ["2: depends on httparse"]
        );
        assert_eq!(
            found("[dependencies.httparse]\nversion = \"1\""),
            ["1: depends on httparse"]
        );
        assert_eq!(
            found("[dependencies]\nx = { package = \"httparse\", version = \"1\" }"),
            ["2: depends on httparse"]
        );
        assert_eq!(
            found("[package]\nname = \"keepwarm-lab\"\n[dependencies]\ntokio = \"1\""),
            [""; 0]
        );
    }
}
