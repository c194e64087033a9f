//! `diff` and `check`, through the real binary: what changes, what that does, and whether what is committed is current.

mod cases;
mod check;
#[path = "../common/mod.rs"]
mod common;
mod external;
mod formats;
mod git;
mod random;
mod rules;
#[allow(dead_code, reason = "other test programs use the rest")]
#[path = "../cli/sandbox.rs"]
mod sandbox;
mod secrets;
