//! From the text of a spec to a plan, or to everything that is wrong with it.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Loaded, Options, decode,
    rules::{self, Facts},
    structure::{self, Mended},
    written::Written,
};
use crate::{
    error::{Severity, Source},
    plan::Plan,
    yaml,
};

/// Reads, checks and decides: after this nothing about the spec can fail.
pub fn load(source: &Arc<Source>, options: &Options) -> Loaded {
    let root = match yaml::read(source) {
        Ok(root) => root,
        Err(problems) => return Loaded { plan: None, problems },
    };
    let written = Written::new(source, &root);
    let Mended { cluster, repaired, mut problems } = match decode::decode(&root) {
        Ok(cluster) => {
            Mended { cluster: Some(cluster), repaired: BTreeSet::new(), problems: Vec::new() }
        }
        Err(_) => structure::mend(&written),
    };
    problems.extend(yaml::fragile_text(source, &root));
    if let Some(cluster) = &cluster {
        problems.extend(rules::check(&Facts::new(cluster, options, &written, &repaired)));
    }
    problems.sort_by(|a, b| (a.place.span.start, a.code).cmp(&(b.place.span.start, b.code)));
    let is_wrong =
        !repaired.is_empty() || problems.iter().any(|problem| problem.severity == Severity::Error);
    let plan = cluster.filter(|_| !is_wrong).map(|cluster| Plan::new(&cluster, options));
    Loaded { plan, problems }
}
