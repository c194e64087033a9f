//! The Job that fills the cluster with a backup.

use k8s_openapi::api::{
    batch::v1::{Job, JobSpec},
    core::v1::{Container, PodTemplateSpec},
};

use super::{
    backup, metadata,
    pod::{self, container},
};
use crate::{
    plan::{Plan, names, short_hash},
    spec::types::Restore,
    templates,
};

/// How often the Job is tried again. A try goes on where the last one ended.
const BACK_OFF_LIMIT: i32 = 4;

pub(super) fn restore_job(plan: &Plan) -> Option<Job> {
    let restore = plan.restore.as_ref()?;
    let template = template(plan, restore);
    // A Job's template cannot be changed, so it is in the name.
    let written = serde_json::to_string(&template).unwrap_or_default();
    let name = plan.names.restore_job(&short_hash([written.as_str(), templates::RESTORE.text]));
    let mut metadata = metadata(plan, name);
    metadata.labels.get_or_insert_default().extend(plan.names.selector(names::RESTORE));
    Some(Job {
        metadata,
        spec: Some(JobSpec { backoff_limit: Some(BACK_OFF_LIMIT), template, ..JobSpec::default() }),
        ..Job::default()
    })
}

fn template(plan: &Plan, restore: &Restore) -> PodTemplateSpec {
    let download = restore.download.as_ref().map(|download| pod::with_backups(&download.typed));
    let claim = restore.claim_name.clone().or_else(|| match restore.download {
        Some(_) => None,
        None => backup::claim_name(plan),
    });
    let volume = pod::backup_volume(claim, restore.download.is_none());
    PodTemplateSpec {
        metadata: Some(pod::task_metadata(plan, names::RESTORE)),
        spec: Some(pod::task_spec(
            plan,
            download.into_iter().collect(),
            load(plan, restore),
            vec![volume],
        )),
    }
}

fn load(plan: &Plan, restore: &Restore) -> Container {
    let mut env = container::common_env(plan);
    env.extend([
        container::env("BACKUP_DIR", names::BACKUPS.1),
        container::env("BACKUP_NAME", &restore.backup),
        container::env("TIMEOUT_SECONDS", restore.timeout_seconds.to_string()),
    ]);
    let mut mounts = container::common_mounts(plan);
    mounts.extend([container::mount(names::BACKUPS, true), container::mount(names::TMP, false)]);
    Container {
        command: Some(container::script(templates::RESTORE)),
        env: Some(env),
        name: names::RESTORE.to_owned(),
        // It loads one shard at a time, as a server does.
        resources: Some(plan.resources.clone()),
        volume_mounts: Some(mounts),
        ..container::container(&plan.image)
    }
}
