//! A headless Chromium and the DevTools protocol over a pipe: no port, no handshake, no library.
//!
//! Owns the process and the pairing of answers with questions. Refuses to know pages: `tab` does.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// Where the browser is, by its names in Debian and elsewhere.
const PROGRAMS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// How long an answer may take before the test says that there is none.
const PATIENCE: Duration = Duration::from_secs(100);

/// It never leaves the machine: nothing is looked up, updated or reported. Only our own file is opened, so it runs
/// without a sandbox, which root and containers cannot have.
const ARGUMENTS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
];

pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    events: VecDeque<Value>,
    asked: u64,
    profile: PathBuf,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let program = PROGRAMS
            .iter()
            .find_map(|name| find(name))
            .expect("chromium is not installed: `cargo xtask install` brings it");
        let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "chromium-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        // The protocol is spoken on descriptors 3 and 4; the shell puts our pipes there.
        let mut child = Command::new("sh")
            .arg("-c")
            .arg("exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1")
            .arg("sh")
            .arg(program)
            .args(ARGUMENTS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let to = child.stdin.take().expect("its input is a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let (sender, from) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output
                .read_until(0, &mut message)
                .is_ok_and(|length| length > 0)
            {
                message.pop();
                let value = serde_json::from_slice(&message).expect("the browser speaks JSON");
                if sender.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        Self {
            child,
            to,
            from,
            events: VecDeque::new(),
            asked: 0,
            profile,
        }
    }

    /// Asks and waits for the answer; what happens meanwhile is kept.
    pub(crate) fn ask(&mut self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut question = json!({"id": self.asked, "method": method});
        question["params"] = parameters;
        if let Some(session) = session {
            question["sessionId"] = json!(session);
        }
        let mut bytes = question.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("the browser listens");
        loop {
            let mut message = self.receive(method);
            if message["id"] == json!(self.asked) {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
            self.events.push_back(message);
        }
    }

    /// Waits for an event of this name; the ones before it stay in the list.
    pub(crate) fn wait_for(&mut self, name: &str) -> Value {
        let known = self.events.iter().position(|event| event["method"] == name);
        if let Some(event) = known.and_then(|index| self.events.remove(index)) {
            return event;
        }
        loop {
            let message = self.receive(name);
            if message["method"] == name {
                return message;
            }
            self.events.push_back(message);
        }
    }

    /// What has happened so far.
    pub(crate) fn events(&mut self) -> &VecDeque<Value> {
        while let Ok(message) = self.from.try_recv() {
            self.events.push_back(message);
        }
        &self.events
    }

    fn receive(&mut self, what: &str) -> Value {
        self.from
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|error| panic!("no answer to {what}: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
