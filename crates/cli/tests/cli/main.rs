//! The command as its users meet it: the built binary, labs and real servers, bytes on its outputs.

mod demo;
mod doctor;
mod doctor_advice;
mod doctor_chain;
mod doctor_chain_servers;
mod doctor_client;
mod doctor_http2;
mod doctor_schema;
mod doctor_servers;
mod doctor_tls;
mod exit_codes;
mod get_json;
mod get_text;
mod https;
mod lab_command;
mod pictures;
mod proxies;
mod real_servers;
mod redirects;
#[path = "../../../report/tests/formats/schemas.rs"]
mod schemas;
mod support;
mod usage;
mod verbose;
