//! What the manifests of one side say about the cluster.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Group, Shape};
use crate::{
    diff::{
        Object, Side,
        workload::{self, Server},
    },
    plan::names,
    spec::{quantity::Quantity, types::Layout},
};

/// A cluster as its objects have it.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) namespace: String,
    /// The StatefulSets and their pods, in order.
    pub(super) sets: Vec<(String, Vec<String>)>,
    /// Whether there is one StatefulSet for each shard.
    per_shard: bool,
    /// Whether this program made it.
    pub(super) is_ours: bool,
    /// The shards and the replicas of each that are to serve.
    pub(super) target: Size,
    /// Those whose pods are there only until they are emptied.
    pub(super) retiring: Size,
    /// Whether the pods of another layout are there only until they are emptied.
    pub(super) retires_layout: bool,
    pub(super) server: Option<Server>,
    pub(super) image: String,
    /// The engine's version as a spec has it.
    pub(super) version: String,
    /// The claim template of the data: its name and what it asks for.
    pub(super) claim: Option<(String, String)>,
    pub(super) class: Option<String>,
    /// The bootstrap Job.
    pub(super) job: Option<String>,
    pub(super) waits_for_deletion: bool,
    /// The Secret with the password and its key.
    pub(super) password: Option<(String, String)>,
    pub(super) is_encrypted: bool,
    /// The CronJob that makes backups.
    pub(super) backup: Option<String>,
    /// The hash of the configuration, which the pods carry.
    pub(super) config_hash: String,
    /// The Secret with the certificate.
    pub(super) certificate: Option<String>,
    /// Whether cert-manager makes it.
    pub(super) is_issued: bool,
    /// The directives of the configuration, in files and on the command line, the last of each name.
    directives: BTreeMap<String, String>,
    /// The server's container.
    pub(super) container: String,
    /// Its place among the containers of a pod.
    pub(super) container_index: usize,
    /// Where the volume of the data is mounted, and which part of it.
    pub(super) mount: Option<(String, String)>,
    /// Whether the claims go with the StatefulSet, and whether with a pod that is too many.
    pub(super) claims_go: (bool, bool),
    /// Whether nobody can log in without naming a user.
    pub(super) default_user_off: bool,
    /// The Secrets with the passwords of users.
    pub(super) users: Vec<String>,
    /// Whether an exporter asks the servers.
    pub(super) has_exporter: bool,
    /// Whether pods that are alike never share a node.
    pub(super) keeps_pods_apart: bool,
    /// The zones that pods may run in; none where any will do.
    zones: Vec<String>,
}

/// Shards, and replicas of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    pub(super) shards: u64,
    pub(super) replicas: u64,
}

impl Size {
    pub(super) fn is_none(self) -> bool {
        self == Size::default()
    }

    pub(super) fn pods(self) -> u64 {
        self.shards * (1 + self.replicas)
    }

    /// What has to be added to have at least so many pods: as few as can be, shards rather than replicas.
    fn up_to(self, pods: u64) -> Size {
        let with = |more: Size| Size {
            shards: self.shards + more.shards,
            replicas: self.replicas + more.replicas,
        };
        let missing = pods.saturating_sub(self.pods());
        (0..=missing)
            .flat_map(|replicas| (0..=missing).map(move |shards| Size { shards, replicas }))
            .filter(|more| with(*more).pods() >= pods)
            .min_by_key(|more| (with(*more).pods(), more.replicas))
            .unwrap_or_default()
    }

    /// By how much another size is smaller, in shards and in replicas.
    pub(super) fn less(self, other: Size) -> Size {
        Size {
            shards: self.shards.saturating_sub(other.shards),
            replicas: self.replicas.saturating_sub(other.replicas),
        }
    }
}

impl Facts {
    /// The cluster of a side; of several the one that is like another.
    pub(super) fn of(side: &Side, like: Option<&Facts>) -> Option<Facts> {
        let all: Vec<&Object> =
            side.of_kind("StatefulSet").filter(|set| workload::is_cluster(set)).collect();
        let wanted = |set: &&Object| {
            like.is_none_or(|like| {
                workload::cluster(set) == like.name
                    || like.sets.iter().any(|(name, _)| *name == set.id.name)
            })
        };
        let alike: Vec<&Object> = all.iter().copied().filter(wanted).collect();
        let mut sets = if alike.is_empty() { all } else { alike };
        // By name, shard 10 would come before shard 2.
        sets.sort_by_key(|set| shard(set));
        let stays = |set: &&&Object| {
            let retiring: Vec<_> = workload::retiring(side, &set.id.namespace).collect();
            workload::pods(set).iter().any(|pod| !retiring.contains(&pod.as_str()))
        };
        let first = *sets.iter().find(stays).or(sets.first())?;
        let per_shard = workload::is_shard(first);
        let (sets, before): (Vec<_>, Vec<_>) =
            sets.into_iter().partition(|set| workload::is_shard(set) == per_shard);
        let name = workload::cluster(first).to_owned();
        let of_cluster = |object: &&Object| {
            object.id.namespace == first.id.namespace
                && object.text("/metadata/labels/app.kubernetes.io~1instance") == name
        };
        let job = side
            .of_kind("Job")
            .filter(of_cluster)
            .find(|job| job.id.name.starts_with(&format!("{name}-{}", names::BOOTSTRAP)));
        let backup = side
            .of_kind("CronJob")
            .filter(of_cluster)
            .find(|cron_job| cron_job.id.name == format!("{name}-{}", names::BACKUP));
        let pods: u64 = sets.iter().map(|set| workload::replicas(set)).sum();
        let number = |variable: &str| variable_of(job?, variable)?.parse::<u64>().ok();
        let (shards, replicas) = (number("SHARDS"), number("REPLICAS_PER_SHARD"));
        let rendered = if per_shard {
            Size {
                shards: sets.len() as u64,
                replicas: workload::replicas(first).saturating_sub(1),
            }
        } else {
            let shards = shards.unwrap_or(3).max(1);
            Size { shards, replicas: (pods / shards).saturating_sub(1) }
        };
        let target = Size {
            shards: shards.unwrap_or(rendered.shards).min(rendered.shards),
            replicas: replicas.unwrap_or(rendered.replicas).min(rendered.replicas),
        };
        let retiring = if per_shard {
            Size {
                shards: rendered.shards - target.shards,
                replicas: rendered.replicas - target.replicas,
            }
        } else {
            target.up_to(pods)
        };
        let claim = first.get("/spec/volumeClaimTemplates").and_then(Value::as_array);
        let claim = claim.and_then(|claims| {
            claims
                .iter()
                .find(|claim| text(claim, "/metadata/name") == names::DATA.0 || claims.len() == 1)
        });
        Some(Facts {
            namespace: first.id.namespace.clone(),
            sets: sets
                .iter()
                .chain(&before)
                .map(|set| (set.id.name.clone(), workload::pods(set)))
                .collect(),
            per_shard,
            retires_layout: !before.is_empty(),
            is_ours: first.text("/metadata/labels/app.kubernetes.io~1managed-by")
                == "redis-cluster-gen",
            target,
            retiring,
            server: workload::runs(first),
            image: workload::server(first)
                .map(|server| text(server, "/image").to_owned())
                .unwrap_or_default(),
            version: first.text("/metadata/labels/app.kubernetes.io~1version").to_owned(),
            claim: claim.map(|claim| {
                let size = claim.pointer("/spec/resources/requests/storage");
                let size = size.map(|size| match size {
                    Value::String(size) => size.clone(),
                    other => other.to_string(),
                });
                (text(claim, "/metadata/name").to_owned(), size.unwrap_or_default())
            }),
            class: claim
                .map(|claim| text(claim, "/spec/storageClassName").to_owned())
                .filter(|class| !class.is_empty()),
            job: job.map(|job| job.id.name.clone()),
            waits_for_deletion: workload::waits(first),
            password: password(first),
            is_encrypted: volume(first, names::TLS.0).is_some(),
            config_hash: first
                .text(&format!(
                    "/spec/template/metadata/annotations/{}",
                    names::CONFIG_HASH.replace('/', "~1")
                ))
                .to_owned(),
            certificate: volume(first, names::TLS.0)
                .map(|volume| text(volume, "/secret/secretName").to_owned()),
            is_issued: volume(first, names::TLS.0).is_some_and(|volume| {
                side.of_kind("Certificate").any(|certificate| {
                    certificate.id.namespace == first.id.namespace
                        && certificate.text("/spec/secretName")
                            == text(volume, "/secret/secretName")
                })
            }),
            directives: directives(side, first),
            container: workload::server(first)
                .map_or(names::SERVER_CONTAINER, |server| text(server, "/name"))
                .to_owned(),
            container_index: workload::containers(first)
                .position(|one| {
                    workload::server(first)
                        .is_some_and(|server| text(server, "/name") == text(one, "/name"))
                })
                .unwrap_or_default(),
            mount: claim.and_then(|claim| {
                let mounts = workload::server(first)?.get("volumeMounts")?.as_array()?;
                let name = text(claim, "/metadata/name");
                let mount = mounts.iter().find(|mount| text(mount, "/name") == name)?;
                Some((text(mount, "/mountPath").to_owned(), text(mount, "/subPath").to_owned()))
            }),
            claims_go: {
                let goes = |when: &str| {
                    let pointer = format!("/spec/persistentVolumeClaimRetentionPolicy/{when}");
                    first.text(&pointer) == "Delete"
                };
                (goes("whenDeleted"), goes("whenScaled"))
            },
            default_user_off: side.of_kind("ConfigMap").filter(of_cluster).any(|map| {
                map.text("/data/users").lines().any(|line| line.starts_with("default none off"))
            }),
            users: user_secrets(first),
            has_exporter: sets
                .iter()
                .any(|set| workload::containers(set).any(|one| text(one, "/name") == "exporter")),
            backup: backup.map(|cron_job| cron_job.id.name.clone()),
            keeps_pods_apart: first
                .get("/spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution")
                .is_some(),
            zones: zones(first),
            name,
        })
    }

    /// The value of a directive, without quotes.
    pub(super) fn directive(&self, name: &str) -> Option<&str> {
        self.directives.get(name).map(String::as_str)
    }

    /// A field of the StatefulSets' specs that tells them from those of before, as kubectl's JSONPath has it, and its value:
    /// the hash of the configuration or the image. None if other fields alone have changed.
    pub(super) fn sign_of_change(&self, old: &Facts) -> Option<(String, &str)> {
        if self.config_hash != old.config_hash && !self.config_hash.is_empty() {
            let annotation = names::CONFIG_HASH.replace('.', "\\.");
            return Some((
                format!("template.metadata.annotations.{annotation}"),
                &self.config_hash,
            ));
        }
        let path = format!("template.spec.containers[{}].image", self.container_index);
        (self.image != old.image).then_some((path, &self.image))
    }

    /// How many bytes of data a server may hold, where that is said in mebibytes.
    pub(super) fn maxmemory(&self) -> Option<u64> {
        let number: u64 = self.directive("maxmemory")?.strip_suffix("mb")?.parse().ok()?;
        number.checked_mul(1 << 20)
    }

    /// How many bytes each volume has.
    pub(super) fn volume(&self) -> Option<u64> {
        let size = Quantity::new(&self.claim.as_ref()?.1);
        size.is_valid().then(|| size.whole())
    }

    /// Whether restarted servers find on their volumes what they had.
    pub(super) fn keeps_data(&self) -> bool {
        let saves = self.directive("save").is_none_or(|save| !save.is_empty());
        self.claim.is_some() && (saves || self.directive("appendonly") == Some("yes"))
    }

    /// The pods, which of them are on their way out, and who serves how many slots.
    pub(super) fn shape(&self) -> Shape {
        let mut staying = self.target.pods();
        let groups = (0..).zip(&self.sets).map(|(shard, (name, pods))| {
            let stays = match (self.per_shard, shard < self.target.shards) {
                (true, true) => 1 + self.target.replicas,
                (true, false) => 0,
                (false, _) => staying,
            };
            staying = staying.saturating_sub(pods.len() as u64);
            Group {
                name: name.clone(),
                slots: match (self.per_shard, stays) {
                    (_, 0) => 0,
                    (true, _) => 16384 / self.target.shards.max(1),
                    (false, _) => 16384,
                },
                pods: (0..).zip(pods).map(|(at, pod)| (pod.clone(), at >= stays)).collect(),
            }
        });
        let mut lines = Vec::new();
        let Size { shards, replicas } = self.target;
        if !self.per_shard {
            lines.push(format!(
                "{shards} {}, each with a master, {replicas} {} and about {} slots; any pod may serve any of them",
                if shards == 1 { "shard" } else { "shards" },
                if replicas == 1 { "replica" } else { "replicas" },
                16384 / shards.max(1)
            ));
        }
        match &self.zones[..] {
            [] => {}
            [zone] => lines.push(format!("Pods may run in zone {zone} only.")),
            zones => lines.push(format!("Pods may run in zones {}.", zones.join(", "))),
        }
        Shape { groups: groups.collect(), lines }
    }

    /// All pods, in order.
    pub(super) fn pods(&self) -> Vec<&str> {
        self.sets.iter().flat_map(|(_, pods)| pods.iter().map(String::as_str)).collect()
    }

    /// Whether any pods are there only until they are emptied.
    pub(super) fn retires(&self) -> bool {
        !self.retiring.is_none() || self.retires_layout
    }

    /// The layout as a spec has it.
    pub(super) fn layout(&self) -> Layout {
        if self.per_shard { Layout::StatefulSetPerShard } else { Layout::SingleStatefulSet }
    }

    /// Whether the layout is that of another cluster.
    pub(super) fn has_layout_of(&self, other: &Facts) -> bool {
        self.per_shard == other.per_shard
    }

    /// The shards and replicas that have pods.
    pub(super) fn rendered(&self) -> Size {
        Size {
            shards: self.target.shards + self.retiring.shards,
            replicas: self.target.replicas + self.retiring.replicas,
        }
    }

    /// What of a size has to retire for another cluster's, once there is its layout. Where all pods are alike, only as many
    /// as there are too many.
    pub(super) fn surplus(new: &Facts, size: Size) -> Size {
        if new.per_shard { size.less(new.target) } else { new.target.up_to(size.pods()) }
    }

    /// A command of kubectl in the cluster's namespace.
    pub(super) fn kubectl(&self, rest: &str) -> String {
        if self.namespace.is_empty() {
            format!("kubectl {rest}")
        } else {
            format!("kubectl -n {} {rest}", self.namespace)
        }
    }

    /// The label by which kubectl finds what belongs to the cluster.
    pub(super) fn selector(&self) -> String {
        format!("app.kubernetes.io/instance={}", self.name)
    }

    /// The label by which kubectl finds its pods with servers.
    pub(super) fn nodes(&self) -> String {
        format!("{},app.kubernetes.io/component={}", self.selector(), names::NODE)
    }

    /// The label by which kubectl finds its bootstrap Jobs, those of earlier changes too.
    pub(super) fn jobs(&self) -> String {
        format!("{},app.kubernetes.io/component={}", self.selector(), names::BOOTSTRAP)
    }

    /// A question to the server of a pod, with its password and certificate.
    pub(super) fn ask(&self, pod: &str, question: &str) -> String {
        if !self.is_ours {
            let engine = self.server.map_or("redis", |server| server.engine.name());
            let container = &self.container;
            return self.kubectl(&format!("exec {pod} -c {container} -- {engine}-cli {question}"));
        }
        // Those of our own users that may do what is asked for.
        let role = match (self.default_user_off, question.starts_with("CONFIG ")) {
            (false, _) => "",
            (true, true) => "ROLE=_heal; ",
            (true, false) => "ROLE=_bootstrap; ",
        };
        self.kubectl(&format!(
            "exec {pod} -c {} -- sh -c '. /conf/lib.sh; {role}load_password; own {question}'",
            names::SERVER_CONTAINER
        ))
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number of the shard that a StatefulSet holds; none where it holds all.
fn shard(set: &Object) -> Option<u64> {
    let label = names::SHARD_LABEL.replace('/', "~1");
    set.text(&format!("/spec/selector/matchLabels/{label}")).parse().ok()
}

/// The directives in the files of a StatefulSet's namespace and in its server's arguments.
fn directives(side: &Side, set: &Object) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, value: &str| {
        let value = value.trim().trim_matches(['"', '\'']);
        all.insert(name.to_ascii_lowercase(), value.to_owned());
    };
    let files = side
        .of_kind("ConfigMap")
        .filter(|map| map.id.namespace == set.id.namespace)
        .filter_map(|map| map.get("/data")?.as_object())
        .flatten()
        .filter(|(file, _)| file.ends_with(".conf"));
    for line in files.filter_map(|(_, text)| text.as_str()).flat_map(str::lines) {
        if let Some((name, value)) = line.trim().split_once([' ', '\t'])
            && !name.starts_with('#')
        {
            add(name, value);
        }
    }
    let words = ["command", "args"].into_iter().filter_map(|field| {
        Some(workload::server(set)?.get(field)?.as_array()?.iter().filter_map(Value::as_str))
    });
    let words: Vec<&str> = words.flatten().flat_map(str::split_whitespace).collect();
    for pair in words.windows(2) {
        if let Some(name) = pair[0].strip_prefix("--") {
            add(name, pair[1]);
        }
    }
    all
}

/// A variable of a Job's container.
fn variable_of<'a>(job: &'a Object, name: &str) -> Option<&'a str> {
    let containers = job.get("/spec/template/spec/containers")?.as_array()?;
    containers
        .iter()
        .filter_map(|container| container.get("env")?.as_array())
        .flatten()
        .find(|variable| text(variable, "/name") == name)
        .map(|variable| text(variable, "/value"))
}

/// The Secret that is mounted as the password.
fn password(set: &Object) -> Option<(String, String)> {
    let volume = volume(set, names::AUTH.0)?;
    let key = text(volume, "/secret/items/0/key");
    Some((text(volume, "/secret/secretName").to_owned(), key.to_owned()))
}

/// The zones that the pods' nodes have to be in.
fn zones(set: &Object) -> Vec<String> {
    const TERMS: &str = "/spec/template/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let items =
        |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let expressions = items(set.get(TERMS))
        .into_iter()
        .flat_map(|term| items(term.get("matchExpressions")))
        .filter(|one| text(one, "/key") == names::ZONE_LABEL && text(one, "/operator") == "In");
    let values = expressions.flat_map(|one| items(one.get("values")));
    values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// The Secrets that the passwords of users are read from.
fn user_secrets(set: &Object) -> Vec<String> {
    let sources =
        volume(set, names::USERS.0).and_then(|volume| volume.pointer("/projected/sources"));
    let sources = sources.and_then(Value::as_array).into_iter().flatten();
    let mut secrets: Vec<String> =
        sources.map(|source| text(source, "/secret/name").to_owned()).collect();
    secrets.retain(|secret| !secret.is_empty());
    secrets.sort();
    secrets.dedup();
    secrets
}

/// A volume of the pods.
fn volume<'a>(set: &'a Object, name: &str) -> Option<&'a Value> {
    let volumes = set.get("/spec/template/spec/volumes")?.as_array()?;
    volumes.iter().find(|volume| text(volume, "/name") == name)
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn as_few_pods_as_can_be() {
        for (shards, replicas, pods, more) in [
            (3, 1, 6, (0, 0)),
            (3, 1, 4, (0, 0)),
            (3, 1, 8, (1, 0)),
            (3, 1, 9, (0, 1)),
            (3, 2, 10, (1, 0)),
            (3, 0, 6, (3, 0)),
        ] {
            let size = Size { shards, replicas }.up_to(pods);
            assert_eq!((size.shards, size.replicas), more, "{shards} {replicas} {pods}");
        }
    }
}
