//! `Program`: a server as its makers ship it, in a process and a folder of its own.
//!
//! Owns both, and that they are gone when it is dropped. Refuses to know what is served.

use std::fmt::Write as _;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::authority::Authority;
use crate::support::until;

/// A port found free may be taken before the program has it.
const TRIES: u32 = 5;

static PROGRAMS: AtomicU32 = AtomicU32::new(0);

/// What is asked for a command that serves at this port, with its files in this folder.
pub(crate) type Prepare<'a> = &'a dyn Fn(&Path, u16) -> Command;

pub(crate) struct Program {
    child: Child,
    folder: PathBuf,
    port: u16,
    farewell: Signal,
    pub(crate) authority: Authority,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal(self.farewell);
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Program {
    /// Its folder holds `certificate.pem`, `key.pem` and `both.pem` for `localhost`. It is ended with `farewell`: a
    /// master takes its workers along when it is asked politely, one that is alone need not be waited for.
    pub(crate) async fn start(name: &str, farewell: Signal, prepare: Prepare<'_>) -> Self {
        let number = PROGRAMS.fetch_add(1, Ordering::Relaxed);
        let mut said = String::new();
        for attempt in 0..TRIES {
            let token = format!("keepwarm-{name}-{}-{number}-{attempt}", std::process::id());
            let folder = std::env::temp_dir().join(token);
            std::fs::create_dir_all(&folder).expect("a folder");
            let authority = Authority::new();
            let identity = authority.issue(&["localhost"]);
            let (certificate, key) = (identity.certificate.pem(), identity.key.serialize_pem());
            write(&folder, "certificate.pem", &certificate);
            write(&folder, "key.pem", &key);
            write(&folder, "both.pem", &format!("{certificate}{key}"));
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = listener.local_addr().expect("an address").port();
            drop(listener);
            let log = std::fs::File::create(folder.join("said")).expect("a file");
            let child = prepare(&folder, port)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .expect("it starts");
            let mut program = Self {
                child,
                folder,
                port,
                farewell,
                authority,
            };
            if program.listens().await {
                return program;
            }
            write!(said, "\n{}", program.said()).expect("a string");
        }
        panic!("{name} did not start:{said}");
    }

    async fn listens(&mut self) -> bool {
        let address = ("127.0.0.1", self.port);
        let child = &mut self.child;
        until(
            || match child.try_wait() {
                Ok(Some(_)) => Some(false),
                Ok(None) | Err(_) => TcpStream::connect(address).is_ok().then_some(true),
            },
            || "it does not listen".to_owned(),
        )
        .await
    }

    fn said(&self) -> String {
        let mut said = String::new();
        let file = std::fs::File::open(self.folder.join("said"));
        drop(file.and_then(|mut file| file.read_to_string(&mut said)));
        said
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// One that has ended already needs none.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ended = kill_process(Pid::from_child(&self.child), signal);
    }
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).expect("a file");
    file
}

/// A program that must be there.
#[track_caller]
pub(crate) fn installed(program: &Path) -> Command {
    assert!(
        program.exists(),
        "{} is missing, and this test needs it: run `cargo xtask install`",
        program.display()
    );
    Command::new(program)
}
