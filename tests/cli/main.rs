//! Runs the real binary over real files and compares its whole output.

mod docs;
mod golden;
