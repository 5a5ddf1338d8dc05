//! See `keepwarm_fuzz::response_head`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keepwarm_fuzz::response_head::run(bytes));
