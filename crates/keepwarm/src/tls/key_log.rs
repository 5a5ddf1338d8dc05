//! The key log file: what a packet analyser needs to read encrypted captures.
//!
//! Owns the file and its format (the one all TLS libraries write). Refuses to be switched on by the environment:
//! who has these lines reads everything.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

pub(super) struct KeyLogFile(Mutex<File>);

impl KeyLogFile {
    /// Opens the file to append to it; a new one can be read by its owner only.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        match options.open(path) {
            Ok(file) => Ok(Self(Mutex::new(file))),
            Err(error) => Err(format!(
                "the key log file {} cannot be written: {error}",
                path.display()
            )),
        }
    }
}

impl fmt::Debug for KeyLogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLogFile")
    }
}

impl rustls::KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex =
            |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One write per line, so that several processes may share the file. A full disk fails no call.
        drop(file.write_all(line.as_bytes()));
    }
}
