//! What several test programs share: specs made at random, what the binary renders, and where the outside tools are.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod random;
pub(crate) mod rendered;
pub(crate) mod specs;
pub(crate) mod tools;
