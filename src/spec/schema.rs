//! The JSON Schema of a spec file: made from the types, committed under `schemas/`, and built into the program.

use schemars::schema_for;
use serde_json::Value;

use super::types::RedisCluster;

/// The committed schema.
pub const TEXT: &str = include_str!("../../schemas/redis-cluster.v1alpha1.schema.json");

/// The schema that the types have now.
pub fn generate() -> Value {
    schema_for!(RedisCluster).to_value()
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        let path = "schemas/redis-cluster.v1alpha1.schema.json";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let now = format!("{:#}\n", generate());
        if env::var_os("BLESS").is_some() {
            fs::write(&path, &now).expect("the schema can be written");
        }
        let committed = fs::read_to_string(&path).expect("the schema can be read");
        assert!(committed == now, "{} is not current; run `make bless`", path.display());
    }
}
