//! An nginx of our own on a free port of the loopback: one process, gone with the value.
//!
//! Owns its process, its folder and what of its configuration keeps it quiet and its connections open. Refuses to know
//! what is measured on it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

static SERVERS: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Nginx {
    child: Child,
    folder: PathBuf,
    /// Scheme and address.
    base: String,
}

/// How its one server listens.
pub(crate) enum Listen<'a> {
    Plain,
    /// With TLS, shown by this certificate (a file with its key behind it), and with HTTP/2 for who asks for it.
    Tls {
        certificate: &'a Path,
        http2: bool,
    },
}

impl Nginx {
    /// Starts it and waits until it answers. `command` runs the program, pinned to a core or not; `files` are served,
    /// with their sizes in bytes; `lines` stand in its `http` block, `server` in that of its one server.
    ///
    /// # Errors
    /// When it does not start, with what it said.
    pub(crate) fn start(
        mut command: Command,
        listen: &Listen<'_>,
        files: &[(&str, u64)],
        lines: &str,
        server: &str,
    ) -> Result<Self, String> {
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("keepwarm-nginx-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let broken = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(broken)?;
        for (name, bytes) in files {
            let file = fs::File::create(folder.join(name)).map_err(broken)?;
            file.set_len(*bytes).map_err(broken)?;
        }
        let free = TcpListener::bind("127.0.0.1:0").map_err(broken)?;
        let address = free.local_addr().map_err(broken)?.to_string();
        drop(free);
        let text = configuration(&address, listen, lines, server);
        fs::write(folder.join("nginx.conf"), text).map_err(broken)?;
        let child = command
            .arg("-p")
            .arg(&folder)
            .args(["-c", "nginx.conf", "-e", "nginx.err"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(broken)?;
        let scheme = match listen {
            Listen::Plain => "http",
            Listen::Tls { .. } => "https",
        };
        let mut server = Self {
            child,
            folder,
            base: format!("{scheme}://{address}"),
        };
        server.await_listening(&address)?;
        Ok(server)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    /// Asks until it answers, or has ended.
    fn await_listening(&mut self, address: &str) -> Result<(), String> {
        while TcpStream::connect(address).is_err() {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                let why = fs::read_to_string(self.folder.join("nginx.err")).unwrap_or_default();
                return Err(format!("nginx did not start: {}", why.trim()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

fn configuration(address: &str, listen: &Listen<'_>, lines: &str, server: &str) -> String {
    let (kind, tls) = match listen {
        Listen::Plain => ("", String::new()),
        Listen::Tls { certificate, http2 } => {
            let file = certificate.display();
            let tls = format!("ssl_certificate {file}; ssl_certificate_key {file};\n");
            (if *http2 { " ssl http2" } else { " ssl" }, tls)
        }
    };
    format!(
        "master_process off; daemon off; pid nginx.pid; error_log nginx.err crit;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s;\n\
         default_type text/plain; client_body_temp_path body; proxy_temp_path proxy;\n\
         fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
         {lines}\n\
         server {{ listen {address}{kind} backlog=4096; root .;\n{tls}{server}\n}} }}\n"
    )
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // One process (no master): killing it leaves nothing behind but a folder of temporary files.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        let _left = fs::remove_dir_all(&self.folder);
    }
}
