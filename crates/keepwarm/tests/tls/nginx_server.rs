//! `Nginx`: nginx as Debian ships it, with TLS, a master and one worker.
//!
//! Owns its process and its folder. Refuses to know what is asked of it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::authority::Authority;
use crate::support::until;

const NGINX: &str = "/usr/sbin/nginx";
static SERVERS: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Nginx {
    child: Child,
    folder: PathBuf,
    port: u16,
    pub(crate) authority: Authority,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master takes its worker along, at once.
        self.signal(Signal::TERM);
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Nginx {
    /// With these lines in its `http` block; `listen` gets these words.
    pub(crate) async fn start(listen: &str, lines: &str) -> Self {
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
            let mut child = spawn(&folder);
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

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }

    /// Reads its settings anew: a new worker takes over, the old one ends gracefully.
    pub(crate) fn reload(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        // One that has ended already needs none.
        let _ended = kill_process(Pid::from_child(&self.child), signal);
    }
}

fn spawn(folder: &Path) -> Child {
    Command::new(NGINX)
        .args(["-e", "stderr", "-p"])
        .arg(folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nginx starts")
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
        "daemon off;\nworker_processes 1;\npid {at}/nginx.pid;\nerror_log stderr warn;\n\
         events {{ worker_connections 512; }}\n\
         http {{\naccess_log off;\n{temporary}ssl_certificate {at}/certificate.pem;\n\
         ssl_certificate_key {at}/key.pem;\nssl_session_cache shared:SSL:1m;\n{lines}\n\
         server {{ listen 127.0.0.1:{port} {listen}; location / {{ return 200 'served'; }} }}\n}}\n"
    )
}
