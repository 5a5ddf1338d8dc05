//! tinyproxy and microsocks as Debian ships them: what real proxies make of our handshakes.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream as Socket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::Refused;
use super::{Proxies, Proxy, Target, handshake, origin};
use crate::error::{Error, ErrorKind};

/// How long a proxy may take to start.
const START_LIMIT: Duration = Duration::from_secs(10);
/// A port found free may be taken before the proxy has it.
const TRIES: u32 = 5;

static PROXIES: AtomicU32 = AtomicU32::new(0);

/// A proxy on a port of its own, with a folder of its own; dropped, both are gone.
struct Running {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both are one process with threads: nobody outlives it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Running {
    fn tinyproxy(lines: &str) -> Self {
        Self::start("tinyproxy", &|folder, port| {
            let at = folder.display();
            let config = format!(
                "Port {port}\nListen 127.0.0.1\nTimeout 20\nMaxClients 10\nAllow 127.0.0.1\n\
                 LogFile \"{at}/log\"\nLogLevel Warning\nPidFile \"{at}/pid\"\n{lines}\n"
            );
            let file = folder.join("tinyproxy.conf");
            std::fs::write(&file, config).expect("a file");
            let mut command = Command::new(installed("/usr/bin/tinyproxy"));
            command.arg("-d").arg("-c").arg(file);
            command
        })
    }

    fn microsocks(options: &[&str]) -> Self {
        Self::start("microsocks", &|_, port| {
            let mut command = Command::new(installed("/usr/bin/microsocks"));
            let port = port.to_string();
            command.args(["-i", "127.0.0.1", "-p", &port]).args(options);
            command
        })
    }

    fn start(name: &str, prepare: &dyn Fn(&Path, u16) -> Command) -> Self {
        let number = PROXIES.fetch_add(1, Ordering::Relaxed);
        let mut said = String::new();
        for attempt in 0..TRIES {
            let token = format!("keepwarm-{name}-{}-{number}-{attempt}", std::process::id());
            let folder = std::env::temp_dir().join(token);
            std::fs::create_dir_all(&folder).expect("a folder");
            let port = free_port();
            let child = prepare(&folder, port)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the proxy starts");
            let mut running = Self {
                child,
                folder,
                port,
            };
            match running.wait_until_it_listens() {
                Ok(()) => return running,
                Err(why) => said = why,
            }
        }
        panic!("{name} did not start: {said}");
    }

    fn wait_until_it_listens(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < START_LIMIT {
            let listens = Socket::connect(("127.0.0.1", self.port)).is_ok();
            // One that could not have the port has ended, or is about to: somebody else listens there then.
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                let mut said = String::new();
                let stderr = self.child.stderr.take();
                let read = stderr.map(|mut stderr| stderr.read_to_string(&mut said));
                return Err(format!("{status} {read:?}: {said}"));
            }
            if listens {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("it does not listen".to_owned())
    }

    fn proxy(&self, scheme: &str) -> Proxy {
        super::proxy(&format!("{scheme}://127.0.0.1:{}", self.port))
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[track_caller]
fn installed(program: &str) -> &str {
    assert!(
        Path::new(program).exists(),
        "{program} is missing, and this test needs it: run `cargo xtask install`"
    );
    program
}

/// Sends `ping` through a proxy to a server that answers `pong` and its peer's words, and gives what came back.
async fn ping(proxy: &Proxy, host: &str) -> Result<String, Error> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = async {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut heard = [0; 4];
        socket.read_exact(&mut heard).await.expect("four bytes");
        socket
            .write_all(&[b"pong to ", &heard[..]].concat())
            .await
            .expect("room");
    };
    let client = async {
        let routes = Proxies::all(proxy.clone()).routes();
        let origin = origin(&format!("https://{host}:{port}"));
        let route = routes.route(&origin)?;
        let hop = route.proxy().expect("a proxy");
        let address = (hop.host(), hop.port());
        let mut stream = TcpStream::connect(address)
            .await
            .expect("the proxy listens");
        let target = Target::of(&origin)?;
        route.negotiate(&mut stream, &target, &handshake()).await?;
        stream.write_all(b"ping").await.expect("a tunnel");
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.expect("text");
        Ok(heard)
    };
    // The server is not asked when the proxy refuses.
    tokio::select! {
        biased;
        result = client => result,
        never = async { server.await; std::future::pending().await } => never,
    }
}

fn refused(error: &Error) -> &Refused {
    let source = std::error::Error::source(error);
    source
        .and_then(|source| source.downcast_ref())
        .expect("the proxy's answer")
}

#[tokio::test]
async fn tinyproxy_opens_a_tunnel() {
    let running = Running::tinyproxy("");
    let proxy = running.proxy("http");
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(ping(&proxy, host).await.expect("a tunnel"), "pong to ping");
    }
}

#[tokio::test]
async fn tinyproxy_with_credentials_takes_the_right_ones_only() {
    let running = Running::tinyproxy("BasicAuth me sesame");
    let proxy = running.proxy("http");
    let known = proxy.clone().credentials("me", "sesame").unwrap();
    assert_eq!(
        ping(&known, "127.0.0.1").await.expect("a tunnel"),
        "pong to ping"
    );

    let error = ping(&proxy, "127.0.0.1").await.expect_err("no credentials");
    assert_eq!(error.kind(), ErrorKind::Proxy);
    assert_eq!(refused(&error).status(), 407);
    assert_eq!(refused(&error).schemes(), ["Basic"]);
    assert!(
        refused(&error).body_start().contains("<html"),
        "{}",
        refused(&error)
    );
    let said = error.to_string();
    assert!(
        said.ends_with("it wants credentials, and none are set (it offers Basic)"),
        "{said}"
    );

    let wrong = proxy.credentials("me", "tahini").unwrap();
    let error = ping(&wrong, "127.0.0.1")
        .await
        .expect_err("wrong credentials");
    let said = error.to_string();
    assert!(said.contains("it did not accept the credentials"), "{said}");
    assert!(!format!("{said} {error:?} {}", refused(&error)).contains("tahini"));
}

#[tokio::test]
async fn tinyproxy_refuses_a_port_that_its_rules_forbid() {
    let running = Running::tinyproxy("ConnectPort 1");
    let error = ping(&running.proxy("http"), "127.0.0.1")
        .await
        .expect_err("forbidden");
    assert_eq!(refused(&error).status(), 403);
    assert!(error.to_string().contains("with 403 Forbidden"), "{error}");
    assert!(refused(&error).body_start().len() <= 1024);
}

#[tokio::test]
async fn microsocks_connects_by_name_and_by_address() {
    let running = Running::microsocks(&[]);
    for scheme in ["socks5", "socks5h"] {
        for host in ["127.0.0.1", "localhost"] {
            let proxy = running.proxy(scheme);
            assert_eq!(
                ping(&proxy, host).await.expect("a connection"),
                "pong to ping"
            );
        }
    }
}

#[tokio::test]
async fn microsocks_with_credentials_takes_the_right_ones_only() {
    let running = Running::microsocks(&["-u", "me", "-P", "sesame"]);
    let proxy = running.proxy("socks5h");
    let known = proxy.clone().credentials("me", "sesame").unwrap();
    assert_eq!(
        ping(&known, "127.0.0.1").await.expect("a connection"),
        "pong to ping"
    );

    let error = ping(&proxy, "127.0.0.1").await.expect_err("no credentials");
    assert_eq!(error.kind(), ErrorKind::Proxy);
    assert!(
        error
            .to_string()
            .ends_with("wants credentials, and none are set"),
        "{error}"
    );

    let wrong = proxy.credentials("me", "tahini").unwrap();
    let error = ping(&wrong, "127.0.0.1")
        .await
        .expect_err("wrong credentials");
    assert!(
        error
            .to_string()
            .ends_with("did not accept the credentials"),
        "{error}"
    );
}

#[tokio::test]
async fn microsocks_says_that_nobody_listens() {
    let running = Running::microsocks(&[]);
    let proxy = running.proxy("socks5h");
    let target = super::target("127.0.0.1", free_port());
    let address = (proxy.host().to_owned(), proxy.port());
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the proxy listens");
    let result = super::route(&proxy)
        .negotiate(&mut stream, &target, &handshake())
        .await;
    let said = result.expect_err("nobody listens").to_string();
    assert!(
        said.ends_with(": the connection was refused (code 5)"),
        "{said}"
    );
}
