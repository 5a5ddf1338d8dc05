//! `RealServer`: a server or proxy as Debian ships it, on a port of its own, with a certificate.
//!
//! Owns its process and its folder. Refuses to know whose settings it is given, and what is asked of it.

use std::ffi::OsString;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::authority::Authority;
use crate::support::until;

/// A port found free may be taken before the server has it.
const TRIES: u32 = 5;
/// Holds the certificate's chain and its key.
pub(crate) const IDENTITY: &str = "identity.pem";
static SERVERS: AtomicU32 = AtomicU32::new(0);

/// Where a server lives.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
}

impl Place {
    /// Leaves a file there.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

/// A server that ends with the test.
pub(crate) struct RealServer {
    child: Child,
    place: Place,
    /// Ends it at once, with the processes it has started.
    end: Signal,
    pub(crate) authority: Authority,
}

impl Drop for RealServer {
    fn drop(&mut self) {
        self.signal(self.end);
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.place.folder));
    }
}

impl RealServer {
    /// Starts the program with the words that `prepare` gives for a place, where it may leave files. The signal ends it
    /// at once, with all its processes.
    pub(crate) async fn start(
        program: &str,
        end: Signal,
        prepare: impl Fn(&Place) -> Vec<OsString>,
    ) -> Self {
        assert!(
            Path::new(program).exists(),
            "{program} is missing, and this test needs it: run `cargo xtask install`"
        );
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("keepwarm-real-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let authority = Authority::new();
        let identity = authority.issue(&["localhost", "a.test", "b.test"]);
        let pem = identity.certificate.pem() + &identity.key.serialize_pem();
        for _ in 0..TRIES {
            let folder = folder.clone();
            let place = Place {
                folder,
                port: free_port(),
            };
            place.write(IDENTITY, &pem);
            let words = prepare(&place);
            let mut child = spawn(program, &words, &place);
            if listens(&mut child, &place).await {
                return Self {
                    child,
                    place,
                    end,
                    authority,
                };
            }
        }
        let said = std::fs::read_to_string(folder.join("said")).unwrap_or_default();
        drop(std::fs::remove_dir_all(&folder));
        panic!("{program} did not start: {said}");
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/", self.place.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.place.port
    }

    /// A file's place in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.folder.join(name)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // One that has ended already needs none.
        let _ended = kill_process(Pid::from_child(&self.child), signal);
    }
}

fn spawn(program: &str, words: &[OsString], place: &Place) -> Child {
    let said = std::fs::File::create(place.folder.join("said")).expect("a file");
    Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .expect("the program starts")
}

/// Whether it came to listen; one that could not have its port ends instead.
async fn listens(child: &mut Child, place: &Place) -> bool {
    let look = || match child.try_wait() {
        Ok(Some(_)) => Some(false),
        Ok(None) | Err(_) => TcpStream::connect(("127.0.0.1", place.port))
            .is_ok()
            .then_some(true),
    };
    until(look, || "it does not listen".to_owned()).await
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
