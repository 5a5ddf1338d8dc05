//! The refusals of each server, and why they end connections or do not.
//!
//! Owns the list. Refuses to know settings: these are the same for all of a server's rows. What each does was measured;
//! where a file or a function is named, its makers wrote why, and elsewhere the reason is a guess.

use crate::refusals::{Bodies, Refusals};

/// Sets keep-alive when it begins to handle a request: what it refuses while it reads the head (TRACE too) never
/// gets there (`ngx_http_request.c`), and its own 413, from `client_max_body_size` (1 MiB), ends
/// (`ngx_http_special_response.c`).
pub(crate) const NGINX: Refusals = Refusals {
    ends: &["400", "405", "414"],
    keeps: &["404", "HEAD"],
    bodies: Bodies::EndAbove(1 << 20),
    expecting: Bodies::EndAbove(1 << 20),
};

/// 400 and 414 are among the statuses that `ap_set_keepalive` ends connections with; TRACE is answered
/// (`TraceEnable`). It reads unwanted bodies to their end, which calls for those that wait for 100 too.
pub(crate) const APACHE: Refusals = Refusals {
    ends: &["400", "414"],
    keeps: &["200", "404", "HEAD"],
    bodies: Bodies::Kept,
    expecting: Bodies::Kept,
};

/// A head that does not fit its buffer, or is none, is a 400, which ends. An answer of its own to a request whose
/// body is still on its way says so, and ends.
pub(crate) const HAPROXY: Refusals = Refusals {
    ends: &["400"],
    keeps: &["200", "404", "HEAD"],
    bodies: Bodies::EndAbove(0),
    expecting: Bodies::EndAbove(0),
};

/// Ends where it could not read the head (400, 431), not where it knows no such method (501), and where it answers
/// before the body is read.
pub(crate) const LIGHTTPD: Refusals = Refusals {
    ends: &["400", "431"],
    keeps: &["404", "501", "HEAD"],
    bodies: Bodies::EndAbove(0),
    expecting: Bodies::EndAbove(0),
};

/// Its parser's errors are answered with 400 or 431 and the socket is destroyed (`socketOnError`); what nobody
/// reads of a body is dumped (`resOnFinish`), and 100 is said before the program is asked.
pub(crate) const NODE: Refusals = Refusals {
    ends: &["400", "431"],
    keeps: &["200", "404", "HEAD"],
    bodies: Bodies::Kept,
    expecting: Bodies::Kept,
};

/// A field that is none is a 400 and the end; its heads may have a megabyte. It reads up to 256 KiB of what nobody
/// wants (`maxPostHandlerReadBytes`); behind an expectation that it did not answer it waits for as much, in vain, and
/// answers only what is announced to be longer.
pub(crate) const GO: Refusals = Refusals {
    ends: &["400"],
    keeps: &["200", "404", "HEAD"],
    bodies: Bodies::EndAbove(256 << 10),
    expecting: Bodies::EndAbove(0),
};

/// `send_error` says `Connection: close`, to each error; fields are read leniently.
pub(crate) const HTTP_SERVER: Refusals = Refusals {
    ends: &["404", "431", "501"],
    keeps: &["200", "HEAD"],
    bodies: Bodies::EndAbove(0),
    expecting: Bodies::EndAbove(0),
};

/// h11's errors are answered with 400 and the end (`send_400_response`). The rest of a body is read and dropped,
/// and one that was not called for is waited for.
pub(crate) const UVICORN: Refusals = Refusals {
    ends: &["400"],
    keeps: &["200", "404", "HEAD"],
    bodies: Bodies::Kept,
    expecting: Bodies::Kept,
};

/// Errors of its parser have answers of their own, and end (`handle_error` in `workers/base.py`). It drains what
/// the application did not read up to a limit (`_DRAIN_MAX_BYTES` in `http/parser.py`), and ends there,
/// unannounced.
pub(crate) const GUNICORN: Refusals = Refusals {
    ends: &["400", "414", "431"],
    keeps: &["200", "404", "HEAD"],
    bodies: Bodies::EndAbove(0),
    expecting: Bodies::EndAbove(0),
};

/// h11's hints, 400 and 431, end. When the application has answered, what has come of the body decides: all of it,
/// and the connection is used again; else it is ended. Both were seen, in one run and the next.
pub(crate) const HYPERCORN: Refusals = Refusals {
    ends: &["400", "431"],
    keeps: &["200", "404", "HEAD"],
    bodies: Bodies::Vary,
    expecting: Bodies::Vary,
};

/// Heads that it cannot read end (400, 414, 431). Of an unwanted body it reads what has come, and ends when that is
/// not all: 1.1 MB were kept in four runs and not in a fifth. It ends where it was to say 100 and did not.
pub(crate) const JETTY: Refusals = Refusals {
    ends: &["400", "414", "431"],
    keeps: &["404", "HEAD"],
    bodies: Bodies::Vary,
    expecting: Bodies::EndAbove(0),
};

/// 400 is among the statuses that end (`statusDropsConnection`), 405 (TRACE) is not. It swallows 2 MiB of a body
/// (`maxSwallowSize`), and ends behind an expectation that it refuses.
pub(crate) const TOMCAT: Refusals = Refusals {
    ends: &["400"],
    keeps: &["404", "405", "HEAD"],
    bodies: Bodies::EndAbove(2 << 20),
    expecting: Bodies::EndAbove(0),
};
