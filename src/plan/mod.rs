//! Everything that is decided before objects are built: names, sizes, addresses, settings.

use crate::spec::{Options, types::RedisCluster};

/// One cluster, wholly decided.
#[derive(Debug)]
pub struct Plan {}

impl Plan {
    /// Decides everything that the spec leaves open.
    pub fn new(cluster: &RedisCluster, options: &Options) -> Plan {
        let _ = (cluster, options);
        Plan {}
    }
}
