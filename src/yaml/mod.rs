//! YAML: reading with a position for every key and value, and writing what every reader reads alike.

mod characters;
pub mod code;
mod offsets;
pub mod read;
pub mod scalar;
mod source;
mod syntax;
pub mod write;

pub use characters::fragile_text;
pub use read::{Entry, Found, Kind, Node, read};
pub use source::{MAX_BYTES, source_from_bytes};
pub use write::write;
