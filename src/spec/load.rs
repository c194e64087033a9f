//! From the text of a spec to a plan, or to everything that is wrong with it.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Loaded, Options, decode,
    rules::{self, Facts},
    secrets,
    structure::{self, Mended},
    written::Written,
};
use crate::{
    error::{Problem, Severity, Source},
    plan::Plan,
    yaml::{self, Refused},
};

/// Loads, checks and decides: after this nothing about the spec can fail.
pub fn load(source: &Arc<Source>, options: &Options) -> Loaded {
    let (root, refused) = match yaml::read(source) {
        Ok(root) => (root, Vec::new()),
        Err(Refused { problems, rest: Some(root) }) => (root, problems),
        Err(Refused { mut problems, rest: None }) => {
            secrets::hide(source, None, &mut problems);
            problems.iter_mut().for_each(Problem::shorten);
            return Loaded { plan: None, problems };
        }
    };
    let written = Written::new(source, &root);
    let Mended { cluster, repaired, mut problems } = match decode::decode(&root) {
        Ok(cluster) => {
            Mended { cluster: Some(cluster), repaired: BTreeSet::new(), problems: Vec::new() }
        }
        Err(_) => structure::mend(&written),
    };
    problems.extend(yaml::fragile_text(source, &root));
    let mut plan = None;
    if let Some(cluster) = &cluster {
        let facts = Facts::new(cluster, options, &written, &repaired);
        problems.extend(rules::check(&facts));
        plan = facts.into_plan();
    }
    // What else is said of a place that readers of YAML disagree on may not be so for its author.
    problems.retain(|problem| !refused.iter().any(|refused| touches(problem, refused)));
    problems.extend(refused);
    problems.sort_by(|a, b| (a.place.span.start, a.code).cmp(&(b.place.span.start, b.code)));
    secrets::hide(source, Some(&root), &mut problems);
    // After that, so that no part of a secret is left.
    problems.iter_mut().for_each(Problem::shorten);
    let is_wrong =
        !repaired.is_empty() || problems.iter().any(|problem| problem.severity == Severity::Error);
    let plan = cluster
        .filter(|_| !is_wrong)
        .map(|cluster| plan.unwrap_or_else(|| Plan::new(&cluster, options)));
    Loaded { plan, problems }
}

/// Whether two problems are about the same part of the text.
fn touches(problem: &Problem, other: &Problem) -> bool {
    let (one, other) = (&problem.place.span, &other.place.span);
    one.start < other.end.max(other.start + 1) && other.start < one.end.max(one.start + 1)
}
