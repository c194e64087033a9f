//! `version`: what this is and what it supports, to stdout.

use redis_cluster_gen::{
    error::Error,
    spec::{KubeVersion, directives, types::EngineName},
};
use serde_json::json;

use super::Answer;
use crate::{
    cli::{Version, VersionFormat},
    output,
};

pub(crate) fn run(args: &Version) -> Result<Answer, Error> {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let text = match args.output {
        VersionFormat::Text => format!("{name} {version}\n"),
        VersionFormat::Json => {
            let kubernetes = |version: KubeVersion| format!("1.{}", version.0);
            let engine = |name: EngineName| {
                let (oldest, newest) = (directives::oldest(name), directives::newest(name));
                json!({ "oldest": oldest.to_string(), "newest": newest.to_string() })
            };
            let value = json!({
                "name": name,
                "version": version,
                "spec": ["redis-cluster-gen.dev/v1alpha1"],
                "kubernetes": {
                    "oldest": kubernetes(KubeVersion::OLDEST),
                    "newest": kubernetes(KubeVersion::NEWEST),
                },
                "engines": {
                    "redis": engine(EngineName::Redis),
                    "valkey": engine(EngineName::Valkey),
                },
            });
            format!("{value:#}\n")
        }
    };
    output::print(text)?;
    Ok(Answer::Yes)
}
