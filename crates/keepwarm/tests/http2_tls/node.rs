//! Node's own HTTP/2 server, with TLS.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use futures_util::future::join_all;
use keepwarm::Protocol;

use crate::authority::Authority;
use crate::support::{client, finish, run};

/// Answers with the method and the body's length, and a trailer; says its port first.
const SERVER: &str = r"
const server = require('http2').createSecureServer({ key: process.env.KEY, cert: process.env.CERTIFICATE });
server.on('stream', (stream, headers) => {
  let length = 0;
  stream.on('data', (data) => { length += data.length; });
  stream.on('error', () => {});
  stream.on('end', () => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-length': String(length) }));
    stream.end(`${headers[':method']} ${length}`);
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('close', () => process.exit(0)).resume();
";

struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The server, and its port.
fn start(authority: &Authority) -> (Node, u16) {
    let identity = authority.issue(&["localhost"]);
    let child = Command::new("node")
        .args(["-e", SERVER])
        .env("KEY", identity.key.serialize_pem())
        .env("CERTIFICATE", identity.certificate.pem())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let child = child.expect("node is missing, and this test needs it: run `cargo xtask install`");
    let mut node = Node(child);
    let mut line = String::new();
    let said = node.0.stdout.take().expect("its words");
    BufReader::new(said).read_line(&mut line).expect("a line");
    (node, line.trim().parse().expect("a port"))
}

#[test]
fn node_serves_many_calls_with_bodies_and_trailers_on_one_connection() {
    run(async {
        let authority = Authority::new();
        let (_node, port) = start(&authority);
        let url = format!("https://localhost:{port}/");
        let (client, _) = client(|config| config.tls(authority.trusted()));
        let first = client.get(&url).send().await.expect("an answer");
        assert_eq!(finish(first).await.body, b"GET 0");
        let calls = (0..50_usize).map(|number| {
            let body = vec![b'x'; number * 4000];
            client.post(&url).body(body).send()
        });
        for (number, answer) in join_all(calls).await.into_iter().enumerate() {
            let done = finish(answer.expect("an answer")).await;
            let wanted = format!("POST {}", number * 4000);
            assert_eq!(String::from_utf8_lossy(&done.body), wanted);
            assert_eq!(done.connection.protocol(), Protocol::H2);
        }
        assert_eq!(client.stats().total().opened, 1);
    });
}
