//! See `keepwarm_fuzz::body_framing`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keepwarm_fuzz::body_framing::run(bytes));
