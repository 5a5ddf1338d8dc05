//! nginx and Apache httpd as Debian ships them: real input for `keepwarm get`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use keepwarm::EstimateSource;
use serde_json::json;

use crate::support::keepwarm;

/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_secs(10);
/// A port found free may be taken before the server has it.
const TRIES: u32 = 5;

static SERVERS: AtomicU32 = AtomicU32::new(0);

/// A server on a port of its own, with a folder of its own; dropped, both are gone.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both run as one process here: nobody outlives it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    /// nginx with these lines in its `http` block.
    pub(crate) fn nginx(lines: &str) -> Self {
        Self::nginx_with(&|_folder| lines.to_owned())
    }

    /// The same with lines that know its folder; they are made anew for each try.
    pub(crate) fn nginx_with(lines: &dyn Fn(&Path) -> String) -> Self {
        Self::start("nginx", &|folder, port, token| {
            let at = folder.display();
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .iter()
                .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
                .collect();
            let lines = lines(folder);
            let config = format!(
                "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log stderr warn;\n\
                 events {{ worker_connections 256; }}\n\
                 http {{\naccess_log off;\n{temporary}{lines}\n\
                 server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{token}'; }} }}\n}}\n"
            );
            let file = write(folder, "nginx.conf", &config);
            let mut command = Command::new(installed("/usr/sbin/nginx"));
            command
                .arg("-e")
                .arg("stderr")
                .arg("-p")
                .arg(folder)
                .arg("-c")
                .arg(file);
            command
        })
    }

    /// Apache httpd with Debian's values for keep-alive, or these lines instead.
    pub(crate) fn apache(lines: &str) -> Self {
        Self::start("apache2", &|folder, port, token| {
            let at = folder.display();
            let modules = "/usr/lib/apache2/modules";
            let config = format!(
                "ServerRoot {at}\nServerName localhost\nPidFile {at}/httpd.pid\nErrorLog {at}/error.log\n\
                 DefaultRuntimeDir {at}\nListen 127.0.0.1:{port}\n\
                 LoadModule mpm_event_module {modules}/mod_mpm_event.so\n\
                 LoadModule authz_core_module {modules}/mod_authz_core.so\n\
                 User www-data\nGroup www-data\n\
                 DocumentRoot {at}/site\n<Directory {at}/site>\nRequire all granted\n</Directory>\n\
                 KeepAlive On\nMaxKeepAliveRequests 100\nKeepAliveTimeout 5\n{lines}\n"
            );
            let file = write(folder, "httpd.conf", &config);
            write(folder, "site/index.html", token);
            let mut command = Command::new(installed("/usr/sbin/apache2"));
            command.arg("-X").arg("-f").arg(file);
            command
        })
    }

    pub(crate) fn start(name: &str, prepare: &dyn Fn(&Path, u16, &str) -> Command) -> Self {
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let token = format!("{name}-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(format!("keepwarm-{token}"));
        std::fs::create_dir_all(folder.join("site")).expect("a folder");
        let mut said = String::new();
        for _ in 0..TRIES {
            let port = free_port();
            let child = prepare(&folder, port, &token)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the server starts");
            let folder = folder.clone();
            let mut server = Self {
                child,
                folder,
                port,
            };
            match server.wait_until_ready(&token) {
                Ok(()) => return server,
                Err(why) => said = why,
            }
            std::fs::create_dir_all(server.folder.join("site")).expect("a folder");
        }
        panic!("{name} did not start: {said}");
    }

    /// Ready when it answers with its own token: somebody else might have the port.
    fn wait_until_ready(&mut self, token: &str) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < START_LIMIT {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                let mut said = String::new();
                let stderr = self.child.stderr.take();
                let read = stderr.map(|mut stderr| stderr.read_to_string(&mut said));
                return Err(format!("{status} {read:?}: {said}"));
            }
            if self.answer().is_some_and(|answer| answer.contains(token)) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("it does not answer".to_owned())
    }

    fn answer(&self) -> Option<String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        socket.set_read_timeout(Some(START_LIMIT)).ok()?;
        socket
            .write_all(b"GET /index.html HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// A file's place in its folder, as text.
    pub(crate) fn path(&self, name: &str) -> String {
        let path = self.folder.join(name);
        path.to_str().expect("text").to_owned()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/index.html", self.port)
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, text).expect("a file");
    path
}

#[track_caller]
pub(crate) fn installed(program: &str) -> &str {
    assert!(
        Path::new(program).exists(),
        "{program} is missing, and this test needs it: run `cargo xtask install`"
    );
    program
}

#[test]
fn b1_nginx_serves_a_hundred_gets_on_one_connection() {
    let nginx = Server::nginx("");
    let options = ["get", "--json", "--repeat", "100"];
    let done = keepwarm(&[&options[..], &[&nginx.url()]].concat()).with_code(0);
    let (exchanges, summary) = done.json();
    assert!(exchanges.iter().all(|it| it["connection"]["id"] == 1));
    assert_eq!(exchanges[99]["connection"]["requests"], 100);
    assert_eq!(
        (&summary["opened"], &summary["reused"]),
        (&json!(1), &json!(99))
    );
    assert_eq!(summary["closed"], json!({}));
    let text = keepwarm(&["get", "--repeat", "100", &nginx.url()]).with_code(0);
    text.says("100 requests, 1 connection: reused 99 %");
}

#[test]
fn b1_apache_serves_a_hundred_gets_on_one_connection() {
    let apache = Server::apache("");
    let options = ["get", "--json", "--repeat", "100"];
    let done = keepwarm(&[&options[..], &[&apache.url()]].concat()).with_code(0);
    let (exchanges, summary) = done.json();
    assert!(
        exchanges.iter().all(|it| it["connection"]["id"] == 1),
        "{summary}"
    );
    assert_eq!(
        (&summary["opened"], &summary["reused"]),
        (&json!(1), &json!(99))
    );
}

#[test]
fn b7_a_request_limit_of_ten_in_nginx_is_ten_connections() {
    let nginx = Server::nginx("keepalive_requests 10;");
    let options = ["get", "--json", "--repeat", "100"];
    let done = keepwarm(&[&options[..], &[&nginx.url()]].concat()).with_code(0);
    let (exchanges, summary) = done.json();
    assert_eq!(summary["opened"], 10);
    assert_eq!(summary["reused"], 90);
    assert_eq!(summary["closed"], json!({"peer-said-close": 10}));
    for exchange in &exchanges {
        let last = exchange["connection"]["requests"] == 10;
        let reasons = if last {
            json!(["peer-said-close"])
        } else {
            json!([])
        };
        assert_eq!(exchange["reuse"]["reasons"], reasons, "{exchange}");
    }
}

#[test]
fn b8_nginx_that_closes_after_a_second_is_seen_and_said() {
    let nginx = Server::nginx("keepalive_timeout 1s;");
    let options = ["get", "--json", "--repeat", "3", "--gap", "1500ms"];
    let done = keepwarm(&[&options[..], &[&nginx.url()]].concat()).with_code(0);
    let (_, summary) = done.json();
    assert_eq!(summary["closed"], json!({"peer-closed-idle": 2}));
    assert_eq!(summary["opened"], 3);
    let text = keepwarm(&["get", "--repeat", "3", "--gap", "1500ms", &nginx.url()]).with_code(0);
    text.says("closed 2 × the server closed it after");
    text.says("keeps idle connections for about");
}

#[test]
fn b8_the_idle_timeout_of_nginx_is_learned() {
    let nginx = Server::nginx("keepalive_timeout 1s;");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let client = keepwarm::Client::new();
        let url = nginx.url();
        for _ in 0..3 {
            let response = client.get(url.as_str()).send().await.expect("an answer");
            response.bytes().await.expect("a body");
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
        let stats = client.stats();
        assert_eq!(stats.total().closed_as("peer-closed-idle"), 3);
        let origin = stats.origin(&url).expect("it was called");
        let learned = origin.idle_timeout.expect("three closes were seen");
        assert_eq!(learned.source, EstimateSource::Measured);
        let timeout = learned.timeout.as_millis();
        assert!((900..1400).contains(&timeout), "{timeout} ms");
    });
}

#[test]
fn b8_the_idle_timeout_that_apache_announces_is_heeded() {
    let apache = Server::apache("KeepAliveTimeout 3\nMaxKeepAliveRequests 0");
    // It announces only to those who ask. The gap ends a margin before what it announces; were it longer,
    // the connection would be gone just the same.
    let options = ["get", "--repeat", "2", "--gap", "2850ms", "-H"];
    let asks = "Connection: keep-alive";
    let done = keepwarm(&[&options[..], &[asks, &apache.url()]].concat()).with_code(0);
    done.says("2 requests, 2 connections");
    done.says("keeps idle connections for about 3 s (announced)");
}
