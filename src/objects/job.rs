//! The bootstrap Job: it creates the cluster from a pristine set of pods, lets new pods join, and empties those that retire.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        batch::v1::{Job, JobSpec},
        core::v1::{Container, PodTemplateSpec, ResourceRequirements},
    },
    apimachinery::pkg::api::resource::Quantity as KubeQuantity,
};

use super::{
    metadata,
    pod::{self, container},
};
use crate::{
    plan::{Plan, names, patched_files, short_hash},
    spec::quantity::Quantity,
    templates,
};

pub(super) fn bootstrap_job(plan: &Plan) -> Option<Job> {
    if !plan.bootstrap.enabled {
        return None;
    }
    let template = template(plan);
    let name = plan.names.bootstrap_job(&hash(plan, &template));
    let mut metadata = metadata(plan, name);
    metadata.labels.get_or_insert_default().extend(plan.names.selector(names::BOOTSTRAP));
    Some(Job {
        metadata,
        spec: Some(JobSpec {
            // No `activeDeadlineSeconds`: nobody knows how long data takes to move. The script ends itself when there is no progress.
            backoff_limit: Some(i32::try_from(plan.bootstrap.backoff_limit).unwrap_or(i32::MAX)),
            template,
            ..JobSpec::default()
        }),
        ..Job::default()
    })
}

/// A Job's template cannot be changed and a finished Job does not run again, so everything that must run it anew is in its name: what its
/// pod is made of, the script, the topology, and the user's patches of them. No time to live: a tool that finds the Job missing would create it again.
fn hash(plan: &Plan, template: &PodTemplateSpec) -> String {
    let template = serde_json::to_string(template).unwrap_or_default();
    let scripts = [templates::BOOTSTRAP, templates::CONVERGE, templates::MOVE, templates::LIB];
    let patches = plan.patches.iter().filter(|patch| patch.target.kind == "Job");
    let mut patches: Vec<_> =
        patches.filter_map(|patch| patch.merge.get("spec")).map(ToString::to_string).collect();
    patches.extend(patched_files(&plan.patches));
    short_hash(
        [template.as_str(), &plan.config.topology]
            .into_iter()
            .chain(scripts.map(|script| script.text))
            .chain(patches.iter().map(String::as_str)),
    )
}

fn template(plan: &Plan) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(pod::task_metadata(plan, names::BOOTSTRAP)),
        spec: Some(pod::bootstrap_spec(plan, bootstrap(plan))),
    }
}

fn bootstrap(plan: &Plan) -> Container {
    let mut mounts = container::common_mounts(plan);
    mounts.push(container::mount(names::TMP, false));
    let mut env = container::common_env(plan);
    let retiring: u32 = plan.stateful_sets.iter().map(|set| set.retiring).sum();
    env.extend([
        container::env("REPLICAS_PER_SHARD", plan.replicas_per_shard.to_string()),
        container::env("RETIRING_PODS", retiring.to_string()),
        container::env("SHARDS", plan.shards.to_string()),
        container::env("TIMEOUT_SECONDS", plan.bootstrap.timeout_seconds.to_string()),
    ]);
    // The script asks all pods at the same time, with a shell and a client for each of a few MiB.
    let pods: u32 = plan.stateful_sets.iter().map(|set| set.pods).sum();
    let memory = Quantity::new(&format!("{}Mi", 64 + 8 * u64::from(pods))).canonical();
    let quantities = |cpu: Option<&str>, memory: &str| -> Option<BTreeMap<String, KubeQuantity>> {
        let cpu = cpu.map(|cpu| ("cpu".to_owned(), KubeQuantity(cpu.to_owned())));
        Some(
            cpu.into_iter()
                .chain([("memory".to_owned(), KubeQuantity(memory.to_owned()))])
                .collect(),
        )
    };
    Container {
        command: Some(container::script(templates::BOOTSTRAP)),
        env: Some(env),
        name: names::BOOTSTRAP.to_owned(),
        resources: Some(ResourceRequirements {
            limits: quantities(None, &memory),
            requests: quantities(Some("50m"), &memory),
            ..ResourceRequirements::default()
        }),
        volume_mounts: Some(mounts),
        ..container::container(&plan.image)
    }
}
