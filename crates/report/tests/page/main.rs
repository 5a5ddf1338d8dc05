//! The page in a real browser: it draws, answers to mouse and keys, keeps to itself, and stays quick when it is large.

mod browser;
mod samples;
mod scenes;
mod tab;

mod drawing;
mod hands;
mod hostile;
mod lanes;
mod load;
