//! Every section of RFC 9110 and 9112 that binds a client, one file per section, held by the engine alone.
//!
//! The sections that need a whole client are tested in `crates/keepwarm/tests/client`.

mod rfc9110_connection;
mod rfc9110_content;
mod rfc9110_content_length;
mod rfc9110_expect;
mod rfc9110_field_lines;
mod rfc9110_field_values;
mod rfc9110_host;
mod rfc9110_idempotent;
mod rfc9110_interim;
mod rfc9110_te;
mod rfc9110_trailers;
mod rfc9110_upgrade;
mod rfc9112_association;
mod rfc9112_body_length;
mod rfc9112_chunked;
mod rfc9112_content_length;
mod rfc9112_field_syntax;
mod rfc9112_incomplete;
mod rfc9112_message_parsing;
mod rfc9112_persistence;
mod rfc9112_request_target;
mod rfc9112_retries;
mod rfc9112_smuggling;
mod rfc9112_status_line;
mod rfc9112_te;
mod rfc9112_tear_down;
mod rfc9112_transfer_encoding;
mod rfc9112_version;
mod support;
