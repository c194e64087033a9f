//! Everything that is decided before objects are built: names, sizes, addresses, settings.

/// One cluster, wholly decided.
#[derive(Debug)]
pub struct Plan {}
