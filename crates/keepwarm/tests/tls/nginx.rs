//! nginx as Debian ships it, with TLS.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use keepwarm::reason::CloseReason;
use keepwarm::tls::TlsVersion;

use crate::authority::Authority;
use crate::support::{client, finish, ms, run, until};

const NGINX: &str = "/usr/sbin/nginx";
static SERVERS: AtomicU32 = AtomicU32::new(0);

struct Nginx {
    child: Child,
    folder: PathBuf,
    port: u16,
    authority: Authority,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It runs as one process: nobody outlives it.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Nginx {
    /// With these lines in its `http` block; `listen` gets these words.
    async fn start(listen: &str, lines: &str) -> Self {
        assert!(
            Path::new(NGINX).exists(),
            "{NGINX} is missing, and this test needs it: run `cargo xtask install`"
        );
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("keepwarm-tls-nginx-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let authority = Authority::new();
        let identity = authority.issue(&["localhost"]);
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).expect("a file");
        };
        write("certificate.pem", &identity.certificate.pem());
        write("key.pem", &identity.key.serialize_pem());
        // A port found free may be taken before nginx has it.
        for _ in 0..5 {
            let port = free_port();
            write("nginx.conf", &conf(&folder, port, listen, lines));
            let mut child = Command::new(NGINX)
                .args(["-e", "stderr", "-p"])
                .arg(&folder)
                .arg("-c")
                .arg(folder.join("nginx.conf"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("nginx starts");
            let ready = until(
                || match child.try_wait() {
                    Ok(Some(_)) => Some(false),
                    Ok(None) | Err(_) => std::net::TcpStream::connect(("127.0.0.1", port))
                        .is_ok()
                        .then_some(true),
                },
                || "nginx does not listen".to_owned(),
            )
            .await;
            if ready {
                return Self {
                    child,
                    folder,
                    port,
                    authority,
                };
            }
        }
        panic!("nginx did not start");
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn conf(folder: &Path, port: u16, listen: &str, lines: &str) -> String {
    let at = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
        .collect();
    format!(
        "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log stderr warn;\n\
         events {{ worker_connections 256; }}\n\
         http {{\naccess_log off;\n{temporary}ssl_certificate {at}/certificate.pem;\n\
         ssl_certificate_key {at}/key.pem;\nssl_session_cache shared:SSL:1m;\n{lines}\n\
         server {{ listen 127.0.0.1:{port} {listen}; location / {{ return 200 'served'; }} }}\n}}\n"
    )
}

#[test]
fn nginx_serves_a_thousand_calls_on_one_encrypted_connection() {
    run(async {
        let nginx = Nginx::start("ssl", "keepalive_requests 10000;").await;
        let (client, _) = client(|config| config.tls(nginx.authority.trusted()));
        for round in 1..=1000 {
            let response = client.get(nginx.url()).send().await.expect("an answer");
            let done = finish(response).await;
            assert_eq!(done.body, b"served");
            assert_eq!(done.connection.requests, round);
        }
    });
}

#[test]
fn nginx_resumes_the_session_of_the_connection_before_in_both_versions() {
    run(async {
        for (protocol, version) in [("TLSv1.2", TlsVersion::V1_2), ("TLSv1.3", TlsVersion::V1_3)] {
            let nginx = Nginx::start("ssl", &format!("ssl_protocols {protocol};")).await;
            let (client, _) = client(|config| config.tls(nginx.authority.trusted()));
            let mut resumed = Vec::new();
            for _ in 0..3 {
                let response = client.get(nginx.url()).send().await.expect("an answer");
                let done = finish(response).await;
                let tls = done.connection.tls().expect("https").clone();
                assert_eq!(tls.version, version);
                resumed.push(tls.resumed);
                client.close_idle();
            }
            assert_eq!(resumed, [false, true, true], "{protocol}");
        }
    });
}

#[test]
fn nginx_that_closes_an_idle_connection_is_seen() {
    run(async {
        let nginx = Nginx::start("ssl", "keepalive_timeout 1s;").await;
        let (client, log) = client(|config| config.tls(nginx.authority.trusted()));
        let response = client.get(nginx.url()).send().await.expect("an answer");
        drop(finish(response).await);
        let reason = log.closed(1).await[0].closed.reason;
        let CloseReason::PeerClosedIdle { idle } = reason else {
            panic!("{reason:?}");
        };
        assert!(idle > ms(800), "{idle:?}");
    });
}

#[test]
fn nginx_that_speaks_plain_http_there_is_named_as_that() {
    run(async {
        let nginx = Nginx::start("", "").await;
        let (client, _) = client(|config| config.tls(nginx.authority.trusted()));
        let error = client.get(nginx.url()).send().await.expect_err("no TLS");
        assert!(error.to_string().contains("plain HTTP"), "{error}");
    });
}
