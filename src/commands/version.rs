//! `version`: what this is and what it supports, to stdout.

use redis_cluster_gen::{error::Error, spec::KubeVersion};
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
            let value = json!({
                "name": name,
                "version": version,
                "spec": ["redis-cluster-gen.dev/v1alpha1"],
                "kubernetes": {
                    "oldest": kubernetes(KubeVersion::OLDEST),
                    "newest": kubernetes(KubeVersion::NEWEST),
                },
            });
            format!("{value:#}\n")
        }
    };
    output::print(text)?;
    Ok(Answer::Yes)
}
