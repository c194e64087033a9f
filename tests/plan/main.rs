//! `plan`, through the real binary: the stages to a spec, and what is written of them.

mod cases;
mod folder;
mod formats;
#[allow(dead_code, reason = "other test programs use the rest")]
#[path = "../cli/sandbox.rs"]
mod sandbox;
