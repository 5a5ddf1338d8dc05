//! Node's http.

use std::process::Command;

use crate::server::{Server, installed};

const PROGRAM: &str = "/usr/bin/node";

/// Since 2025 it closes later than it announces, by a time that only its newest versions tell: it is asked what it set
/// on the socket of an answer that it gave to itself.
const GRACE: &str = "
const http = require('http');
const server = http.createServer((question, answer) => {
  answer.on('finish', () => setImmediate(() => {
    console.log(question.socket.timeout - server.keepAliveTimeout);
    process.exit();
  }));
  answer.end('x');
});
server.keepAliveTimeout = 4000;
server.listen(0, '127.0.0.1', () => http.get({
  host: '127.0.0.1', port: server.address().port, agent: new http.Agent({keepAlive: true}),
}));
";

/// It keeps connections for so many milliseconds and so many requests (0: any number).
pub fn start(idle: u64, requests: u64) -> Server {
    Server::start("node", &|place| {
        let (port, token) = (place.port, &place.token);
        let program = format!(
            "const server = require('http').createServer((question, answer) => {{\n\
             if (question.url !== '/index.html') answer.statusCode = 404;\nanswer.end('{token}');\n}});\n\
             server.keepAliveTimeout = {idle};\nserver.maxRequestsPerSocket = {requests};\n\
             server.listen({port}, '127.0.0.1');\n"
        );
        let mut command = Command::new(installed(PROGRAM));
        command.arg(place.write("server.js", &program));
        command
    })
}

/// How many milliseconds later than it announces it closes.
///
/// # Panics
/// When it does not tell.
pub fn grace() -> u64 {
    let asked = Command::new(installed(PROGRAM))
        .args(["-e", GRACE])
        .output();
    let asked = asked.expect("Node runs");
    let said = String::from_utf8_lossy(&asked.stdout);
    said.trim().parse().unwrap_or_else(|_| panic!("{asked:?}"))
}

/// Its version.
pub fn version() -> String {
    super::version(Command::new(PROGRAM).arg("--version"))
}
