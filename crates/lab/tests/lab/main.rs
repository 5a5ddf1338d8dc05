//! The lab, driven by raw sockets: one test per behaviour, and no sleeps.

mod answers;
mod connections;
mod faults;
mod handle;
mod idle_ends;
mod peer;
mod scripts;
mod uploads;
