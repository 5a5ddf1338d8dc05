//! The HTTP/1.1 engine alone: no sockets, no clock.

mod differential;
mod engine;
mod fuzz;
mod splits;
mod strict;
mod watch;
