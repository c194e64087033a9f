//! Where `tests/judges/install` puts the outside tools.

use std::{env, path::PathBuf};

/// The folder of the tools.
pub(crate) fn folder() -> PathBuf {
    match (env::var_os("REDIS_CLUSTER_GEN_TOOLS"), env::var_os("HOME")) {
        (Some(folder), _) => folder.into(),
        (None, Some(home)) => PathBuf::from(home).join(".cache/redis-cluster-gen/tools"),
        (None, None) => panic!("neither REDIS_CLUSTER_GEN_TOOLS nor HOME is set"),
    }
}

/// A program below the folder of the tools.
pub(crate) fn program(path: &str) -> PathBuf {
    let program = folder().join(path);
    assert!(program.exists(), "{} is missing: run `make tools`", program.display());
    program
}
