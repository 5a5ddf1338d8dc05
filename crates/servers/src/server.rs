//! `Server`: a process on ports of its own, with a folder of its own; dropped, both are gone.
//!
//! Owns start and end. Refuses to know what is started: `crate::recipes` does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to start: a virtual machine does on a busy computer.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long one may take to end when it is asked to.
const END_LIMIT: Duration = Duration::from_secs(3);
/// A port found free may be taken before the server has it.
const TRIES: u32 = 5;

static SERVERS: AtomicU32 = AtomicU32::new(0);

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    place: Place,
    /// Whether it has children of its own that it must end.
    is_parent: bool,
    /// The last to go.
    _folder: Folder,
}

/// A folder that goes with this, when a server does not start too.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Place {
    /// A folder of its own.
    pub folder: PathBuf,
    /// Where it speaks without TLS; it answers `/index.html` there.
    pub port: u16,
    /// Another free port, for TLS.
    pub secure_port: u16,
    /// What its answer contains.
    pub token: String,
}

impl Place {
    /// Writes a file of its folder.
    ///
    /// # Panics
    /// When it cannot.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Writes a certificate for this machine's loopback and some names (`cert.pem`), and its key (`key.pem`).
    ///
    /// # Panics
    /// When it cannot.
    pub fn certify(&self) {
        let names = ["localhost", "127.0.0.1", "a.test", "b.test"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        self.write("cert.pem", &made.cert.pem());
        self.write("key.pem", &made.signing_key.serialize_pem());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_parent {
            self.quit();
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// Runs the command that `prepare` makes, until it answers with its token.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(name: &str, prepare: &dyn Fn(&Place) -> Command) -> Self {
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let token = format!("{name}-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(format!("keepwarm-{token}"));
        let mut said = String::new();
        for _ in 0..TRIES {
            let guard = Folder(folder.clone());
            let [port, secure_port] = free_ports();
            let place = Place {
                folder: folder.clone(),
                port,
                secure_port,
                token: token.clone(),
            };
            place.write("site/index.html", &token);
            let errors = std::fs::File::create(folder.join("stderr.txt")).expect("a file");
            let child = prepare(&place)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(errors)
                .spawn()
                .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
            let mut server = Self {
                child,
                place,
                is_parent: false,
                _folder: guard,
            };
            match server.wait_until_ready() {
                Ok(()) => return server,
                Err(why) => said = why,
            }
        }
        panic!("{name} did not start: {said}");
    }

    /// The same for one that has children of its own, which it ends when it gets SIGQUIT.
    pub fn start_parent(name: &str, prepare: &dyn Fn(&Place) -> Command) -> Self {
        let mut server = Self::start(name, prepare);
        server.is_parent = true;
        server
    }

    /// Ready when it answers with its own token: somebody else might have the port.
    fn wait_until_ready(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < START_LIMIT {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return Err(format!("{status}: {}", self.said()));
            }
            if self
                .answer()
                .is_some_and(|answer| answer.contains(&self.place.token))
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("it does not answer: {}", self.said()))
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.place.folder.join("stderr.txt")).unwrap_or_default()
    }

    fn answer(&self) -> Option<String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.place.port)).ok()?;
        socket.set_read_timeout(Some(START_LIMIT)).ok()?;
        socket
            .write_all(b"GET /index.html HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Asks it to end at once, and waits a little.
    fn quit(&mut self) {
        let kill = format!("kill -QUIT {}", self.child.id());
        drop(Command::new("sh").args(["-c", &kill]).status());
        let began = Instant::now();
        while began.elapsed() < END_LIMIT && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A file's place in its folder, as text.
    ///
    /// # Panics
    /// When the folder's name is no text.
    pub fn path(&self, name: &str) -> String {
        let path = self.place.folder.join(name);
        path.to_str().expect("text").to_owned()
    }

    /// Where it speaks without TLS.
    pub fn port(&self) -> u16 {
        self.place.port
    }

    /// Where it speaks TLS, when its recipe says so.
    pub fn secure_port(&self) -> u16 {
        self.place.secure_port
    }

    /// Its page.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/index.html", self.place.port)
    }

    /// A page of it over TLS.
    pub fn secure_url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.place.secure_port)
    }
}

/// Two at once, so that they differ.
fn free_ports() -> [u16; 2] {
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    let (first, second) = (listen(), listen());
    [port(&first), port(&second)]
}

/// The program itself, when it is there.
///
/// # Panics
/// When it is not.
#[track_caller]
pub fn installed(program: &str) -> &str {
    assert!(
        Path::new(program).exists(),
        "{program} is missing, and this test needs it: run `cargo xtask install`"
    );
    program
}

/// What `cargo xtask install` put into cargo's folder.
///
/// # Panics
/// When it is missing.
#[track_caller]
pub(crate) fn fetched(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a program");
    let mut candidates = program.ancestors().map(|folder| folder.join(name));
    candidates
        .find(|candidate| candidate.exists())
        .unwrap_or_else(|| {
            panic!("{name} is missing, and this test needs it: run `cargo xtask install`")
        })
}

/// The same of what it built, not before its source was last changed.
///
/// # Panics
/// When it is missing or old.
#[track_caller]
pub(crate) fn built(name: &str, source: &str) -> PathBuf {
    let program = fetched(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let changed = |path: &Path| path.metadata().ok()?.modified().ok();
    assert!(
        changed(&program) >= changed(&source),
        "{name} is old, and this test needs it: run `cargo xtask install`"
    );
    program
}
