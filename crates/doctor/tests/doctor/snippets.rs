//! The pieces of code and configuration that are recommended, held against the programs that read them.
//!
//! `cargo xtask install` brings those that are not there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use keepwarm_lab::scenario;

use crate::support::examine;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Where cargo builds, and `cargo xtask install` keeps Go and what it has compiled.
fn target() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    target.expect("cargo's folder").to_owned()
}

/// A program on `PATH` or where Debian and `cargo xtask install` put it.
fn installed(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let target = target();
    let more = [
        PathBuf::from("/usr/sbin"),
        PathBuf::from("/usr/bin"),
        target.join("go/go/bin"),
    ];
    let found = std::env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join(name))
        .find(|it| it.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} is missing, and this test needs it: run `cargo xtask install`")
    })
}

/// A folder for one test, gone with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("snippets-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

#[track_caller]
fn accepts(command: &mut Command, text: &str) {
    let done = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&done.stderr);
    let also = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{also}\n{text}");
}

/// Those for an idle timeout in whole seconds, and for one below a second.
async fn pieces() -> Vec<BTreeMap<&'static str, String>> {
    let mut all = Vec::new();
    for idle in [3_400, 900] {
        let it = examine(scenario::idle_timeout(MS(idle)), MS(20_000)).await;
        all.push(it.diagnosis.recommendation.snippets);
    }
    assert!(all[0].contains_key("java") && !all[1].contains_key("java"));
    all
}

#[tokio::test]
async fn every_piece_is_read_by_what_it_is_for() {
    for (nth, pieces) in pieces().await.into_iter().enumerate() {
        let folder = Folder::new(&nth.to_string());
        for (name, piece) in &pieces {
            match *name {
                "go" => go(&folder, piece),
                "node" => node(&folder, "node.cjs", piece),
                "undici" => node(&folder, "undici.mjs", piece),
                "aiohttp" | "httpx" | "requests" => python(&folder, name, piece),
                "keepwarm" | "reqwest" | "hyper" => rust(&folder, name, piece),
                "nginx" => nginx(&folder, piece),
                "haproxy" => haproxy(&folder, piece),
                "apache-hc" | "dotnet" => balanced(piece),
                "java" => java(piece),
                other => panic!("{other} is not checked"),
            }
        }
    }
}

fn go(folder: &Folder, piece: &str) {
    let program = format!(
        "package main\n\nimport (\n\t\"net/http\"\n\t\"time\"\n)\n\nvar _ = time.Second\n\n\
         func main() {{\n{piece}\n_ = client\n}}\n"
    );
    folder.write("go.mod", "module snippet\n\ngo 1.21\n");
    folder.write("main.go", &program);
    let mut command = Command::new(installed("go"));
    command.current_dir(&folder.0).args(["vet", "."]);
    command
        .env("GOCACHE", target().join("go/cache"))
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local");
    accepts(&mut command, &program);
}

fn node(folder: &Folder, name: &str, piece: &str) {
    let file = folder.write(name, piece);
    accepts(
        Command::new(installed("node")).arg("--check").arg(file),
        piece,
    );
    if name == "node.cjs" {
        // What is in Node itself is run too.
        let more =
            format!("{piece}\nif (agent.maxFreeSockets !== 100) throw new Error('not taken');\n");
        let file = folder.write("run.cjs", &more);
        accepts(Command::new(installed("node")).arg(file), &more);
    }
}

fn python(folder: &Folder, name: &str, piece: &str) {
    let file = folder.write(&format!("{name}.py"), piece);
    let check = "import ast, sys; ast.parse(open(sys.argv[1]).read())";
    accepts(Command::new("python3").args(["-c", check]).arg(file), piece);
}

fn rust(folder: &Folder, name: &str, piece: &str) {
    let program = format!("fn make() -> Result<(), Error> {{\n{piece}\nOk(())\n}}\n");
    let file = folder.write(&format!("{name}.rs"), &program);
    accepts(
        Command::new("rustfmt")
            .args(["--edition", "2024"])
            .arg(file),
        &program,
    );
}

fn nginx(folder: &Folder, piece: &str) {
    let at = folder.0.display();
    let piece = piece.replace("server {", "server {\n    listen 127.0.0.1:1;");
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
        .collect();
    let config = format!(
        "pid {at}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{piece}\n}}\n"
    );
    let file = folder.write("nginx.conf", &config);
    let mut command = Command::new(installed("nginx"));
    command
        .args(["-t", "-e", "stderr", "-p"])
        .arg(&folder.0)
        .arg("-c")
        .arg(file);
    accepts(&mut command, &config);
}

fn haproxy(folder: &Folder, piece: &str) {
    let config = format!(
        "defaults\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
         frontend f\n mode http\n bind 127.0.0.1:1\n default_backend app\n{piece}\n"
    );
    let file = folder.write("haproxy.cfg", &config);
    let mut command = Command::new(installed("haproxy"));
    command.args(["-c", "-f"]).arg(file);
    accepts(&mut command, &config);
}

/// Its compiler is not here: brackets and quotes have to match.
#[track_caller]
fn balanced(piece: &str) {
    for (open, close) in [('(', ')'), ('{', '}')] {
        let count = |wanted| piece.chars().filter(|it| *it == wanted).count();
        assert_eq!(count(open), count(close), "{piece}");
    }
    assert!(piece.ends_with(';'), "{piece}");
}

#[track_caller]
fn java(piece: &str) {
    let seconds = piece
        .split_once("keepalive.timeout=")
        .and_then(|(_, rest)| rest.split_once(' '));
    assert!(
        seconds.is_some_and(|(seconds, _)| seconds.parse::<u32>().is_ok()),
        "{piece}"
    );
}

/// The piece for keepwarm, as the compiler reads it here.
#[tokio::test]
async fn the_piece_for_keepwarm_compiles() -> Result<(), keepwarm::Error> {
    macro_rules! compiled {
        ($($piece:tt)*) => {{
            #[allow(unused_variables)]
            fn compiled() -> Result<(), keepwarm::Error> {
                $($piece)*
                Ok(())
            }
            compiled()?;
            stringify!($($piece)*)
        }};
    }
    let text = compiled! {
        let client = keepwarm::Client::builder()
            .idle_timeout(Duration::from_secs(2))
            .max_idle_per_host(100)
            .build()?;
    };
    let bare = |text: &str| text.split_whitespace().collect::<String>();
    let it = examine(scenario::idle_timeout(MS(3_400)), MS(20_000)).await;
    assert_eq!(
        bare(&it.diagnosis.recommendation.snippets["keepwarm"]),
        bare(text)
    );
    Ok(())
}
