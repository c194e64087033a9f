//! Which configuration directives an engine knows.

use super::types::EngineName;

/// Whether a directive can be changed while the server runs.
pub fn is_live(_engine: EngineName, _version: &str, directive: &str) -> bool {
    directive != "databases"
}
