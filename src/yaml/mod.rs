//! YAML: reading with a position for every key and value, and writing what every reader reads alike.

pub mod read;
pub mod write;

pub use read::{Entry, Kind, Node, read};
pub use write::write;
