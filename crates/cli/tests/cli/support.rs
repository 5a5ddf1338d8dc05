//! Running the command and reading what it wrote.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The command, its streams piped.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepwarm"));
    command
        .args(arguments)
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub(crate) fn keepwarm(arguments: &[&str]) -> Done {
    Done::from(command(arguments).output().expect("the command starts"))
}

/// Runs it to its end, anew while it says that it could not see: this machine may have been held up.
pub(crate) fn keepwarm_sure(arguments: &[&str]) -> Done {
    let mut done = keepwarm(arguments);
    for _ in 0..4 {
        if done.code != Some(4) {
            break;
        }
        done = keepwarm(arguments);
    }
    done
}

/// Runs it with something on its standard input.
pub(crate) fn keepwarm_reading(arguments: &[&str], input: &str) -> Done {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    Done::from(child.wait_with_output().expect("the command ends"))
}

/// Asks a running command to end, as Ctrl-C does.
pub(crate) fn interrupt(child: &Child) {
    signal(child, "INT");
}

pub(crate) fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status();
    assert!(sent.expect("sh is there").success(), "{kill}");
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

impl Done {
    /// Itself, when it ended with this code.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The lines of `--json`: exchanges, then the summary.
    #[track_caller]
    pub(crate) fn json(&self) -> (Vec<Value>, Value) {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let mut lines: Vec<Value> = self.stdout.lines().map(parse).collect();
        let summary = lines.pop().unwrap_or_else(|| panic!("{self:#?}"));
        assert_eq!(summary["schema"], "keepwarm.summary/1");
        (lines, summary)
    }

    #[track_caller]
    pub(crate) fn says(&self, stdout: &str) {
        assert!(self.stdout.contains(stdout), "no {stdout:?} in {self:#?}");
    }

    #[track_caller]
    pub(crate) fn complains(&self, stderr: &str) {
        assert!(self.stderr.contains(stderr), "no {stderr:?} in {self:#?}");
    }
}
