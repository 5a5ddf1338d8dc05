//! `bench-server`: started on the server's core, asked at the end what it counted.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

use super::nginx::SERVER_CORE;
use super::peer::{self, Line};
use super::tools::Tools;

pub(super) struct Server {
    child: Child,
    said: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    /// Starts it with these words.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub(super) fn start(tools: &Tools, words: &[&str], tls: bool) -> Result<Self, String> {
        let program = tools.programs.rust.join("bench-server");
        let broken = |error: std::io::Error| format!("bench-server: {error}");
        let mut child = peer::command(tools.taskset(), Some(SERVER_CORE), &program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(broken)?;
        let stdout = child.stdout.take().ok_or("bench-server has no output")?;
        let mut server = Self {
            child,
            said: BufReader::new(stdout),
            url: String::new(),
        };
        let mut line = String::new();
        server.said.read_line(&mut line).map_err(broken)?;
        let address = (line.trim().strip_prefix("listening "))
            .ok_or_else(|| format!("bench-server {} did not start", words.join(" ")))?;
        let scheme = if tls { "https" } else { "http" };
        server.url = format!("{scheme}://{address}/");
        Ok(server)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it and reads what it counted.
    ///
    /// # Errors
    /// When it says nothing.
    pub(super) fn end(mut self) -> Result<Line, String> {
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.said
            .read_to_string(&mut text)
            .map_err(|error| format!("bench-server: {error}"))?;
        Ok(Line::of(&text))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
