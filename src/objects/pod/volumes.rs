//! The volumes of the pods. The data volume comes from the StatefulSet's claim, unless it is ephemeral.

use k8s_openapi::{
    api::core::v1::{
        ConfigMapVolumeSource, EmptyDirVolumeSource, KeyToPath, PersistentVolumeClaimVolumeSource,
        ProjectedVolumeSource, SecretProjection, SecretVolumeSource, Volume, VolumeProjection,
    },
    apimachinery::pkg::api::resource::Quantity,
};

use crate::{
    plan::{Plan, UserSecrets, names},
    spec::types::Medium,
};

pub(super) fn node_volumes(plan: &Plan) -> Vec<Volume> {
    let mut volumes = common(plan);
    if let Some(ephemeral) = &plan.storage.ephemeral {
        volumes.push(empty_dir(
            names::DATA.0,
            ephemeral.size_limit.as_ref().map(|limit| Quantity(limit.canonical())),
            ephemeral.medium,
        ));
    }
    if plan.exporter.is_some() && plan.password.is_some() {
        // In memory: a password does not belong on a node's disk.
        let size = Some(Quantity("1Mi".to_owned()));
        volumes.push(empty_dir(names::EXPORTER.0, size, Medium::Memory));
    }
    volumes.push(tmp());
    if !plan.users.is_empty() {
        volumes.push(users(&plan.users));
    }
    volumes.extend(plan.pod.volumes.iter().map(|volume| volume.typed.clone()));
    volumes
}

pub(super) fn bootstrap_volumes(plan: &Plan) -> Vec<Volume> {
    let mut volumes = common(plan);
    volumes.push(tmp());
    volumes
}

/// The volume with the backups: that of a claim, or one that ends with the pod.
pub(super) fn backups(claim: Option<String>, read_only: bool) -> Volume {
    match claim {
        Some(claim_name) => Volume {
            name: names::BACKUPS.0.to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name,
                read_only: read_only.then_some(true),
            }),
            ..Volume::default()
        },
        None => empty_dir(names::BACKUPS.0, None, Medium::Disk),
    }
}

fn common(plan: &Plan) -> Vec<Volume> {
    // Each under the same name whatever the key is called.
    let auth = plan.password.as_ref().map(|password| {
        secret(names::AUTH.0, &password.name, &[(&password.key, names::PASSWORD_FILE)])
    });
    let tls = plan.tls.as_ref().map(|tls| {
        secret(names::TLS.0, &tls.secret_name, &names::TLS_FILES.map(|file| (file, file)))
    });
    auth.into_iter().chain([conf(plan)]).chain(tls).collect()
}

/// The passwords of users, each in a file of the user's name. The Secret that most are in is mounted as a whole, so that another user in it changes no pod.
fn users(secrets: &UserSecrets) -> Volume {
    let source = |name: &str, items: Option<Vec<KeyToPath>>| VolumeProjection {
        secret: Some(SecretProjection { items, name: name.to_owned(), optional: None }),
        ..VolumeProjection::default()
    };
    let common = secrets.common.iter().map(|name| source(name, None));
    // Last, since of two files of one name the last is there.
    let single = secrets
        .single
        .iter()
        .map(|(user, secret)| source(&secret.name, Some(vec![item(&secret.key, user)])));
    Volume {
        name: names::USERS.0.to_owned(),
        projected: Some(ProjectedVolumeSource {
            // As for the password.
            default_mode: Some(0o440),
            sources: Some(common.chain(single).collect()),
        }),
        ..Volume::default()
    }
}

/// A key of a Secret, and the file that it becomes.
fn item(key: &str, path: &str) -> KeyToPath {
    KeyToPath { key: key.to_owned(), path: path.to_owned(), ..KeyToPath::default() }
}

/// Some keys of a Secret, as files.
fn secret(volume: &str, name: &str, items: &[(&str, &str)]) -> Volume {
    let items = items.iter().map(|(key, path)| item(key, path));
    Volume {
        name: volume.to_owned(),
        secret: Some(SecretVolumeSource {
            // Readable for root and the pod's own group, `fsGroup`.
            default_mode: Some(0o440),
            items: Some(items.collect()),
            secret_name: Some(name.to_owned()),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn conf(plan: &Plan) -> Volume {
    Volume {
        config_map: Some(ConfigMapVolumeSource {
            // Readable for all, writable for none; the shell runs the scripts, so they need not be executable.
            default_mode: Some(0o444),
            name: plan.names.cluster.clone(),
            ..ConfigMapVolumeSource::default()
        }),
        name: names::CONF.0.to_owned(),
        ..Volume::default()
    }
}

/// For a mark, a configuration fragment and a few lists: some kilobytes.
fn tmp() -> Volume {
    empty_dir(names::TMP.0, Some(Quantity("16Mi".to_owned())), Medium::Disk)
}

fn empty_dir(name: &str, size_limit: Option<Quantity>, medium: Medium) -> Volume {
    Volume {
        empty_dir: Some(EmptyDirVolumeSource {
            medium: (medium == Medium::Memory).then(|| "Memory".to_owned()),
            size_limit,
        }),
        name: name.to_owned(),
        ..Volume::default()
    }
}
