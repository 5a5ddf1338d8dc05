//! What the system says of this process: processor time, resident memory, sockets, and how many files it may open.

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::{SysconfVar, sysconf};

use crate::Outcome;

/// Files a process needs beside its connections.
const OTHER_FILES: u64 = 50;

/// Processor time since the process began, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    /// In the program.
    pub user_micros: f64,
    /// In the kernel, for the program.
    pub system_micros: f64,
}

impl Cpu {
    /// As of now.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn now() -> Outcome<Self> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        let micros = |time: TimeVal| time.num_microseconds() as f64;
        Ok(Self {
            user_micros: micros(usage.user_time()),
            system_micros: micros(usage.system_time()),
        })
    }
}

/// Memory of this process that is in RAM, in bytes.
///
/// # Errors
/// When the system does not tell.
pub fn resident_bytes() -> Outcome<usize> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = text.split(' ').nth(1).unwrap_or("0").parse()?;
    let page_size = sysconf(SysconfVar::PAGE_SIZE)?.unwrap_or(4096);
    Ok(pages * usize::try_from(page_size)?)
}

/// Sockets this process has open.
///
/// # Errors
/// When the system does not tell.
pub fn open_sockets() -> Outcome<usize> {
    let sockets = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket"))
        .count();
    Ok(sockets)
}

/// Makes room for so many connections.
///
/// # Errors
/// When this process may never open as many.
pub fn allow_connections(count: usize) -> Outcome<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let needed = u64::try_from(count)? + OTHER_FILES;
    if most < needed {
        return Err(format!(
            "{count} connections need {needed} open files, and this process may have {most}: raise the hard limit \
             (`ulimit -Hn`, or nofile in /etc/security/limits.conf)"
        )
        .into());
    }
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(())
}
