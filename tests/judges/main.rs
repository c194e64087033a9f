//! What the real binary renders, judged by the programs of others and by our own promises.
//!
//! It is rendered from all `examples/` and from 500 random specs. Each judge also has a test that it says no to what is
//! wrong: a judge that never does proves nothing.

mod certificate;
mod checkov;
#[path = "../common/mod.rs"]
mod common;
mod generator;
mod inert;
mod kubernetes;
mod monitoring;
mod network_policy;
mod pod_security;
mod published;
mod read_back;
mod same_bytes;
mod yamllint;

/// Fails with everything that is wrong, or with the first of it where there is a lot.
#[track_caller]
fn assert_none(wrong: &[String]) {
    let shown = wrong.iter().take(40).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} wrong:\n{shown}", wrong.len());
}
