//! Examinations of labs that were told what to do: what is measured against what was configured.

mod age;
mod aggressive;
mod connections;
mod events;
mod half_close;
mod healthy;
mod http2;
mod idle;
mod kernel;
mod pages;
mod products;
mod proxies;
mod silence;
mod snippets;
mod support;
mod unhealthy;
mod unreachable;
