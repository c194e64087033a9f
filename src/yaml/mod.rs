//! YAML: reading with a position for every key and value, and writing what every reader reads alike.

mod characters;
pub mod code;
pub mod manifests;
mod node;
mod offsets;
mod pieces;
mod read;
mod refusals;
pub mod scalar;
mod source;
mod syntax;
mod write;

pub use characters::fragile_text;
pub use node::{Entry, Found, Kind, Node};
pub use read::{Refused, read};
pub use source::{MAX_BYTES, source_from_bytes};
pub use write::write;
