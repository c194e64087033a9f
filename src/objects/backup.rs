//! What makes backups: the CronJob, and the claim of the volume that they are kept in.

use k8s_openapi::{
    api::{
        batch::v1::{CronJob, CronJobSpec, JobSpec, JobTemplateSpec},
        core::v1::{
            Container, PersistentVolumeClaim, PersistentVolumeClaimSpec, PodTemplateSpec,
            ResourceRequirements, VolumeResourceRequirements,
        },
    },
    apimachinery::pkg::api::resource::Quantity,
};

use super::{
    keep_from_pruning, metadata,
    pod::{self, container},
};
use crate::{
    plan::{Plan, names},
    spec::types::Backup,
    templates,
};

/// How often a failed backup is tried again before the next one is due.
const BACK_OFF_LIMIT: i32 = 2;

/// The claim of the volume that backups are kept in, where it is rendered.
pub(super) fn claim(plan: &Plan) -> Option<PersistentVolumeClaim> {
    let volume = plan.backup.as_ref()?.volume.as_ref()?;
    let size = volume.size.as_ref()?;
    let mut metadata = metadata(plan, plan.names.backup());
    keep_from_pruning(plan, &mut metadata);
    Some(PersistentVolumeClaim {
        metadata,
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(
                    [("storage".to_owned(), Quantity(size.canonical()))].into_iter().collect(),
                ),
                ..VolumeResourceRequirements::default()
            }),
            storage_class_name: volume.class_name.clone(),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    })
}

/// The name of the claim that backups are kept in, where there is one.
pub(super) fn claim_name(plan: &Plan) -> Option<String> {
    let volume = plan.backup.as_ref()?.volume.as_ref()?;
    Some(volume.claim_name.clone().unwrap_or_else(|| plan.names.backup()))
}

pub(super) fn cron_job(plan: &Plan) -> Option<CronJob> {
    let backup = plan.backup.as_ref()?;
    let mut metadata = metadata(plan, plan.names.backup());
    metadata.labels.get_or_insert_default().extend(plan.names.selector(names::BACKUP));
    Some(CronJob {
        metadata,
        spec: Some(CronJobSpec {
            // Two at a time would ask the same servers, and remove each other's unfinished folders.
            concurrency_policy: Some("Forbid".to_owned()),
            job_template: JobTemplateSpec {
                metadata: None,
                spec: Some(JobSpec {
                    active_deadline_seconds: Some(backup.timeout_seconds.into()),
                    backoff_limit: Some(BACK_OFF_LIMIT),
                    template: template(plan, backup),
                    ..JobSpec::default()
                }),
            },
            schedule: backup.schedule.clone(),
            // A controller that was away for less than this makes up for the backup that it missed.
            starting_deadline_seconds: Some(300),
            time_zone: Some(backup.time_zone.clone()),
            ..CronJobSpec::default()
        }),
        ..CronJob::default()
    })
}

fn template(plan: &Plan, backup: &Backup) -> PodTemplateSpec {
    let own = copy(plan, backup);
    let (first, last) = match &backup.upload {
        Some(upload) => (vec![own], pod::with_backups(&upload.typed)),
        None => (Vec::new(), own),
    };
    let volume = pod::backup_volume(claim_name(plan), false);
    PodTemplateSpec {
        metadata: Some(pod::task_metadata(plan, names::BACKUP)),
        spec: Some(pod::task_spec(plan, first, last, vec![volume])),
    }
}

fn copy(plan: &Plan, backup: &Backup) -> Container {
    let mut env = container::common_env(plan);
    env.extend([
        container::env("BACKUP_DIR", names::BACKUPS.1),
        container::env("KEEP", backup.keep.to_string()),
    ]);
    let mut mounts = container::common_mounts(plan);
    mounts.extend([container::mount(names::BACKUPS, false), container::mount(names::TMP, false)]);
    let quantity = |text: &str| Quantity(text.to_owned());
    Container {
        command: Some(container::script(templates::BACKUP)),
        env: Some(env),
        name: names::BACKUP.to_owned(),
        // Snapshots are streamed to the volume; checking one holds its largest value.
        resources: Some(ResourceRequirements {
            limits: Some([("memory".to_owned(), quantity("512Mi"))].into_iter().collect()),
            requests: Some(
                [("cpu".to_owned(), quantity("50m")), ("memory".to_owned(), quantity("64Mi"))]
                    .into_iter()
                    .collect(),
            ),
            ..ResourceRequirements::default()
        }),
        volume_mounts: Some(mounts),
        ..container::container(&plan.image)
    }
}
