//! Runs the real binary over real files and compares its whole output.

mod bounds;
mod docs;
mod explain;
mod folder;
mod golden;
mod help;
mod init;
mod input;
mod kill;
mod mutations;
mod pictures;
mod reject;
mod render;
mod sandbox;
mod small;
mod validate;
