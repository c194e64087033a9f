//! Patches and further manifests.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use serde::Serialize;
use serde_json::{Number, Value};

use super::{
    super::{
        suggest::closest,
        types::{Manifest, Patch},
        written::{join, path},
    },
    Facts, Finding, Findings, Rule, grammar, kube,
    names::size,
    plural,
};
use crate::{
    error::Severity,
    objects::{Identity, patch},
    plan::names,
};

const PATCHES: &str = "/spec/patches";
const MANIFESTS: &str = "/spec/extraManifests";

pub(super) const PATCH_WITHOUT_TARGET: Rule = Rule {
    code: "RCG341",
    name: "patch-without-target",
    severity: Severity::Error,
    title: "a patch is for an object that is not rendered",
    story: "\
A patch that matches nothing is without effect, which nobody means. Its target is a kind, and a name where not all objects of the kind are meant; both are compared exactly. Only the cluster's own objects can be patched: \
what is under `spec.extraManifests` is yours to write as it should be.",
    check: Some(patch_without_target),
};

fn patch_without_target(facts: &Facts<'_>, found: &mut Findings) {
    let patches = &facts.spec.patches;
    if patches.is_empty() {
        return;
    }
    let Some(objects) = facts.objects() else { return };
    let kinds: BTreeSet<_> = objects.iter().map(|object| object.kind.as_str()).collect();
    for (index, Patch { target, .. }) in patches.iter().enumerate() {
        if objects.iter().any(|object| patch::is_for(target, object)) {
            continue;
        }
        let at = format!("{PATCHES}/{index}/target");
        if !kinds.contains(target.kind.as_str()) {
            found.push(|| {
                let finding = Finding::at(
                    join(&at, "kind"),
                    format!("no `{}` is rendered for this cluster", target.kind),
                )
                .label("matches nothing");
                match closest(&target.kind, kinds.iter().copied()) {
                    Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                    None => {
                        let mut kinds: Vec<_> =
                            kinds.iter().map(|kind| format!("`{kind}`")).collect();
                        kinds.sort_unstable();
                        finding.help(format!("the kinds are {}", kinds.join(", ")))
                    }
                }
            });
            continue;
        }
        found.push(|| {
            let name = target.name.as_deref().unwrap_or_default();
            let names: Vec<_> = objects
                .iter()
                .filter(|object| object.kind == target.kind)
                .map(patch::target_name)
                .collect();
            let finding = Finding::at(
                join(&at, "name"),
                format!("no `{}` of this cluster is called `{name}`", target.kind),
            )
            .label("matches nothing")
            .needs("/metadata/name")
            .needs("/spec/topology");
            match (closest(name, names.iter().copied()), names.as_slice()) {
                (Some(meant), _) => finding.help(format!("did you mean `{meant}`?")),
                (None, [only]) => {
                    finding.help(format!("it is called `{only}`; without a `name` it is meant too"))
                }
                (None, names) => finding.help(format!(
                    "there are {}; without a `name` all of them are meant",
                    names
                        .iter()
                        .take(5)
                        .map(|name| format!("`{name}`"))
                        .collect::<Vec<_>>()
                        .join(", ")
                )),
            }
        });
    }
}

pub(super) const PATCH_OF_IDENTITY: Rule = Rule {
    code: "RCG342",
    name: "patch-of-identity",
    severity: Severity::Error,
    title: "a patch changes what other objects rely on",
    story: "\
Objects of a cluster find each other by names, labels and selectors, and pods by their StatefulSet's name and number. A patch of one of them leaves the others pointing at nothing; selectors, `serviceName` and `podManagementPolicy` can moreover never be \
changed for an object that exists. The number of pods belongs to `spec.topology`, which the bootstrap Job follows too.",
    check: Some(patch_of_identity),
};

/// What a patch may not touch: a kind, or any, a pointer, and what to write instead.
const IDENTITY: &[(&str, &str, &str)] = &[
    ("", "/apiVersion", "it is decided by the kind"),
    ("", "/kind", "write the kind of the objects under `target`"),
    ("", "/metadata/name", "write `metadata.name` of the spec: all names begin with it"),
    ("", "/metadata/namespace", "write `metadata.namespace` of the spec"),
    (
        "StatefulSet",
        "/spec/replicas",
        "write `spec.topology.shards` and `spec.topology.replicasPerShard`, which the bootstrap Job follows too",
    ),
    (
        "StatefulSet",
        "/spec/selector",
        "pods are found by labels of their own; add others under `spec.pod.labels`",
    ),
    ("StatefulSet", "/spec/serviceName", "pods find each other by the headless Service"),
    (
        "StatefulSet",
        "/spec/podManagementPolicy",
        "a cluster is created from all of its pods, so they start in parallel",
    ),
    ("StatefulSet", "/spec/template/metadata/labels/app.kubernetes.io~1component", SELECTED),
    ("StatefulSet", "/spec/template/metadata/labels/app.kubernetes.io~1instance", SELECTED),
    ("StatefulSet", "/spec/template/metadata/labels/app.kubernetes.io~1name", SELECTED),
    ("StatefulSet", "/spec/template/metadata/labels/redis-cluster-gen.dev~1shard", SELECTED),
    (
        "StatefulSet",
        "/spec/template/spec/hostNetwork",
        "nodes are told apart by their address, and a node's address belongs to all of its pods",
    ),
    ("Service", "/spec/selector", "Services find the pods by labels of their own"),
    (
        "Service",
        "/spec/publishNotReadyAddresses",
        "pods must find each other before they are ready",
    ),
    ("PodDisruptionBudget", "/spec/selector", "it finds the pods by labels of their own"),
    ("NetworkPolicy", "/spec/podSelector", "it finds the pods by labels of their own"),
];

const SELECTED: &str = "pods are found by this label; add others under `spec.pod.labels`";

fn patch_of_identity(facts: &Facts<'_>, found: &mut Findings) {
    for (index, patch) in facts.spec.patches.iter().enumerate() {
        let merge = Value::Object(patch.merge.clone());
        for (kind, pointer, instead) in IDENTITY {
            if (kind.is_empty() || *kind == patch.target.kind) && merge.pointer(pointer).is_some() {
                found.push(|| {
                    Finding::at_key(
                        format!("{PATCHES}/{index}/merge{pointer}"),
                        format!(
                            "a patch cannot change `{}` of a {}",
                            path(pointer),
                            patch.target.kind
                        ),
                    )
                    .label("others rely on it")
                    .help(*instead)
                });
            }
        }
    }
}

pub(super) const EMPTY_PATCH: Rule = Rule {
    code: "RCG343",
    name: "empty-patch",
    severity: Severity::Warning,
    title: "a patch changes nothing",
    story: "A patch without anything under `merge` is without effect. Perhaps its fields are indented too little, and stand beside `merge`.",
    check: Some(empty_patch),
};

fn empty_patch(facts: &Facts<'_>, found: &mut Findings) {
    for (index, patch) in facts.spec.patches.iter().enumerate() {
        if patch.merge.is_empty() {
            found.push(|| {
                Finding::at(
                    format!("{PATCHES}/{index}/merge"),
                    format!("the patch of the {} changes nothing", patch.target.kind),
                )
                .label("empty")
                .help("write the fields to change below `merge`, or remove the patch")
            });
        }
    }
}

pub(super) const PATCH_NOT_UNDERSTOOD: Rule = Rule {
    code: "RCG344",
    name: "patch-not-understood",
    severity: Severity::Error,
    title: "a patch makes an object that Kubernetes does not understand",
    story: "\
A patched object is read again as Kubernetes 1.33, the oldest that is supported, defines its kind. A field that it does not know, or a value of another type, would be dropped or refused by the API server; here it is found with its line.",
    check: Some(patch_not_understood),
};

fn patch_not_understood(facts: &Facts<'_>, found: &mut Findings) {
    let patches = &facts.spec.patches;
    if patches.is_empty() {
        return;
    }
    let Some(objects) = facts.objects() else { return };
    for (index, Patch { target, merge }) in patches.iter().enumerate() {
        // One that is for nothing has a rule of its own.
        if !objects.iter().any(|object| patch::is_for(target, object)) {
            continue;
        }
        let (at, docs) = (format!("{PATCHES}/{index}/merge"), target.kind.to_lowercase());
        let kind = target.kind.clone();
        let decode = move |value: &Value| patch::decode(&kind, value);
        let value = patch::alone(merge);
        for mistake in &kube::locate(&value, &decode) {
            let suggests = found.told.len() < kube::MOST_SUGGESTIONS;
            found.push(|| kube::say(&at, &docs, &value, mistake, suggests, &decode));
        }
    }
}

fn manifests<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (String, &'a Manifest)> {
    facts
        .spec
        .extra_manifests
        .iter()
        .enumerate()
        .map(|(index, manifest)| (join(MANIFESTS, index), manifest))
}

fn text<'a>(manifest: &'a Manifest, field: &str) -> &'a str {
    manifest.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn metadata<'a>(manifest: &'a Manifest, field: &str) -> &'a str {
    manifest.get("metadata").and_then(|metadata| metadata.get(field)?.as_str()).unwrap_or_default()
}

pub(super) const NOT_A_MANIFEST: Rule = Rule {
    code: "RCG345",
    name: "not-a-manifest",
    severity: Severity::Error,
    title: "a further manifest is not a Kubernetes object",
    story: "\
A Kubernetes object has an `apiVersion`, a `kind` and a `metadata.name`, all of them text. `generateName` is not enough: what is rendered is applied again and again, and would be another object each time. Lists of objects \
are written as several items.",
    check: Some(not_a_manifest),
};

fn not_a_manifest(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, manifest) in manifests(facts) {
        let kind = text(manifest, "kind");
        let is_list = kind.ends_with("List") && manifest.contains_key("items");
        if is_list {
            found.push(|| {
                Finding::at(join(&pointer, "kind"), format!("a `{kind}` is several objects"))
                    .help("write each of its items as an item of `extraManifests`")
            });
            continue;
        }
        for (field, is_there, example) in [
            ("apiVersion", !text(manifest, "apiVersion").is_empty(), "apiVersion: v1"),
            ("kind", !kind.is_empty(), "kind: ConfigMap"),
            ("metadata.name", !metadata(manifest, "name").is_empty(), "metadata: {name: NAME}"),
        ] {
            if !is_there {
                found.push(|| {
                    let what = match kind {
                        "" => "a further manifest".to_owned(),
                        kind => format!("the {kind}"),
                    };
                    let at = format!("{pointer}/{}", field.replace('.', "/"));
                    let finding = match facts.has(&at) {
                        true => Finding::at(at, format!("the `{field}` of {what} is not text")),
                        false => Finding::at(pointer.clone(), format!("{what} has no `{field}`"))
                            .label(format!("no `{field}`")),
                    };
                    finding.help(format!("write for example `{example}`"))
                });
            }
        }
    }
}

pub(super) const SECRET_IN_MANIFEST: Rule = Rule {
    code: "RCG346",
    name: "secret-in-manifest",
    severity: Severity::Warning,
    title: "a Secret with its contents is in the spec",
    story: "\
What is in a spec is in Git, and what is rendered from it is too. `data` of a Secret is only encoded, not encrypted. Make Secrets by other means, such as External Secrets, Sealed Secrets or SOPS, and only refer to them. A Secret that SOPS has encrypted is not \
reported.",
    check: Some(secret_in_manifest),
};

fn secret_in_manifest(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, manifest) in manifests(facts) {
        if text(manifest, "kind") != "Secret"
            || text(manifest, "apiVersion") != "v1"
            || manifest.contains_key("sops")
        {
            continue;
        }
        for field in ["data", "stringData"] {
            let is_filled =
                manifest.get(field).and_then(Value::as_object).is_some_and(|data| !data.is_empty());
            if is_filled {
                found.push(|| {
                    Finding::at_key(join(&pointer, field), format!("the Secret `{}` is in the spec with its contents", metadata(manifest, "name")))
                        .label("readable for all who can read the spec")
                        .help("make it by other means, such as External Secrets, Sealed Secrets or SOPS, and refer to it")
                });
            }
        }
    }
}

pub(super) const MANIFEST_TWICE: Rule = Rule {
    code: "RCG347",
    name: "manifest-twice",
    severity: Severity::Error,
    title: "the same object is there twice",
    story: "\
Two objects of one kind with one name are one object: whichever is applied last wins, and GitOps tools fight over it. The cluster's own objects count too: their names are the cluster's, or begin with it.",
    check: Some(manifest_twice),
};

fn manifest_twice(facts: &Facts<'_>, found: &mut Findings) {
    if facts.spec.extra_manifests.is_empty() {
        return;
    }
    fn group(api_version: &str) -> &str {
        api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }
    // What has no namespace goes where the cluster goes.
    let home = facts.namespace().unwrap_or_default();
    let mut seen: BTreeMap<_, Option<String>> = BTreeMap::new();
    for Identity { api_version, kind, name } in facts.objects().into_iter().flatten() {
        seen.insert((group(api_version), kind.as_str(), home, name.as_str()), None);
    }
    for (pointer, manifest) in manifests(facts) {
        let (kind, name) = (text(manifest, "kind"), metadata(manifest, "name"));
        if kind.is_empty() || name.is_empty() {
            continue;
        }
        let namespace = match metadata(manifest, "namespace") {
            "" => home,
            namespace => namespace,
        };
        let at = join(&join(&pointer, "metadata"), "name");
        match seen.entry((group(text(manifest, "apiVersion")), kind, namespace, name)) {
            Entry::Vacant(place) => {
                place.insert(Some(at));
            }
            Entry::Occupied(place) => found.push(|| match place.get() {
                None => Finding::at(at, format!("the cluster has a {kind} `{name}` of its own"))
                    .label("there twice")
                    .help(format!(
                        "choose another name, or change the cluster's {kind} by `spec.patches`"
                    )),
                Some(first) => Finding::at(at, format!("the {kind} `{name}` is there twice"))
                    .label("again")
                    .related(first.clone(), "first here")
                    .help("remove one of the two, or choose another name"),
            }),
        }
    }
}

/// The lists of containers in the template of a pod.
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

/// What a patch says about containers: a pointer into the merge, and the item.
fn patched_containers(merge: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    for list in CONTAINERS {
        let pointer = format!("/spec/template/spec/{list}");
        let items = merge.pointer(&pointer).and_then(Value::as_array);
        for (index, item) in items.into_iter().flatten().enumerate() {
            all.push((join(&pointer, index), item));
        }
    }
    all
}

pub(super) const PATCH_ADDS_CONTAINER: Rule = Rule {
    code: "RCG348",
    name: "patch-adds-container",
    severity: Severity::Error,
    title: "a patch of a container names one that there is not",
    story: "\
Lists of containers are merged by `name`: an item with the name of a container changes it, any other is added. An item without an image was meant to change a container, so its name is wrong or missing; added as it is, the API server would refuse the pods. The server's container is called \
`redis`, also where it runs Valkey, and the Job's `bootstrap`.",
    check: Some(patch_adds_container),
};

fn patch_adds_container(facts: &Facts<'_>, found: &mut Findings) {
    let pod = &facts.spec.pod;
    let further = pod.sidecars.iter().chain(&pod.init_containers);
    let mut in_pods: BTreeSet<_> = further.map(|container| container.typed.name.as_str()).collect();
    in_pods.insert(names::SERVER_CONTAINER);
    let in_job = BTreeSet::from([names::BOOTSTRAP]);
    for (index, patch) in facts.spec.patches.iter().enumerate() {
        let (own, known) = match patch.target.kind.as_str() {
            "StatefulSet" => (names::SERVER_CONTAINER, &in_pods),
            "Job" => (names::BOOTSTRAP, &in_job),
            _ => continue,
        };
        let merge = Value::Object(patch.merge.clone());
        for (pointer, item) in patched_containers(&merge) {
            let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
            let is_whole = item.get("image").is_some_and(Value::is_string);
            if !item.is_object() || known.contains(name) || is_whole && !name.is_empty() {
                continue;
            }
            found.push(|| {
                let at = format!("{PATCHES}/{index}/merge{pointer}");
                let finding = if name.is_empty() {
                    Finding::at(at, "the patch of a container does not say which one")
                        .label("no `name`")
                } else {
                    Finding::at(
                        join(&at, "name"),
                        format!("the patch would add a container `{name}` without an image"),
                    )
                    .label("no container has this name")
                    .needs("/spec/pod/sidecars")
                };
                match closest(name, known.iter().copied()) {
                    Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                    None if own == names::BOOTSTRAP => finding.help(format!("write `name: {own}`, the Job's one container")),
                    None => finding.help(format!("write `name: {own}` for the server's; a further container goes under `spec.pod.sidecars`")),
                }
            });
        }
    }
}

pub(super) const PATCH_OF_CLAIMS: Rule = Rule {
    code: "RCG349",
    name: "patch-of-claims",
    severity: Severity::Warning,
    title: "a patch changes the volume claims, which cannot be changed later",
    story: "\
`volumeClaimTemplates` can be written when a StatefulSet is created and never again: every Kubernetes up to 1.37 refuses an update, labels included. A patch that is there from the beginning works; one that is added to, changed or removed from a running cluster makes every apply fail. \
Size, class, labels and annotations of the volumes have fields under `spec.storage`, which are as hard to change, but say so.",
    check: Some(patch_of_claims),
};

fn patch_of_claims(facts: &Facts<'_>, found: &mut Findings) {
    for (index, patch) in facts.spec.patches.iter().enumerate() {
        let merge = patch.merge.get("spec").and_then(|spec| spec.get("volumeClaimTemplates"));
        if patch.target.kind == "StatefulSet" && merge.is_some() {
            found.push(|| {
                Finding::at_key(format!("{PATCHES}/{index}/merge/spec/volumeClaimTemplates"), "the volume claims of a StatefulSet cannot be changed once it exists")
                    .label("only before the first apply")
                    .note("the API server refuses an update, and every later apply fails")
                    .help("write size, class, labels and annotations under `spec.storage`, or keep the patch as it is for ever")
            });
        }
    }
}

pub(super) const PATCH_WEAKENS_PODS: Rule = Rule {
    code: "RCG350",
    name: "patch-weakens-pods",
    severity: Severity::Warning,
    title: "a patch gives the pods rights that they do not need",
    story: "\
What is rendered meets the Pod Security Standard `restricted`, with a read-only root file system, and every script was tested with that. A patch that runs the pods as root, lets them gain rights, or makes their root writable is refused where the standard is enforced, and gives whoever breaks into a server more \
to work with. Directories that must be writable are better mounted: an `emptyDir` under `spec.pod.volumes` and `spec.pod.volumeMounts`.",
    check: Some(patch_weakens_pods),
};

fn patch_weakens_pods(facts: &Facts<'_>, found: &mut Findings) {
    // Below a pod's or a container's `securityContext`: a value, or one that is removed, that weakens.
    let weak: [(&str, &[Value]); 7] = [
        ("readOnlyRootFilesystem", &[Value::Bool(false), Value::Null]),
        ("allowPrivilegeEscalation", &[Value::Bool(true), Value::Null]),
        ("privileged", &[Value::Bool(true)]),
        ("runAsNonRoot", &[Value::Bool(false), Value::Null]),
        ("runAsUser", &[Value::Number(Number::from(0))]),
        ("capabilities", &[Value::Null]),
        ("seccompProfile", &[Value::Null]),
    ];
    for (index, patch) in facts.spec.patches.iter().enumerate() {
        let merge = Value::Object(patch.merge.clone());
        let base = format!("{PATCHES}/{index}/merge");
        let pod = "/spec/template/spec".to_owned();
        let mut contexts = vec![pod.clone()];
        contexts.extend(patched_containers(&merge).into_iter().map(|(pointer, _)| pointer));
        for pointer in contexts {
            let pointer = join(&pointer, "securityContext");
            let Some(context) = merge.pointer(&pointer) else { continue };
            for (field, values) in &weak {
                let Some(value) = context.get(field).filter(|value| values.contains(value)) else {
                    continue;
                };
                found.push(|| {
                    Finding::at(format!("{base}{pointer}/{field}"), format!("the patch makes `{field}` of the {}'s pods {}", patch.target.kind, shown(value)))
                        .label("weaker than it was")
                        .help("remove it; for a directory that must be writable, mount an `emptyDir` by `spec.pod.volumes` and `spec.pod.volumeMounts`")
                });
            }
        }
        for field in ["hostNetwork", "hostPID", "hostIPC"] {
            // For StatefulSets the network is refused by another rule.
            if field == "hostNetwork" && patch.target.kind == "StatefulSet" {
                continue;
            }
            if merge.pointer(&format!("{pod}/{field}")) == Some(&Value::Bool(true)) {
                found.push(|| {
                    Finding::at(
                        format!("{base}{pod}/{field}"),
                        format!(
                            "the patch lets the {}'s pods see their node: `{field}: true`",
                            patch.target.kind
                        ),
                    )
                    .label("weaker than it was")
                    .help("remove it")
                });
            }
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        other => format!("`{other}`"),
    }
}

pub(super) const MANIFEST_ELSEWHERE: Rule = Rule {
    code: "RCG353",
    name: "manifest-elsewhere",
    severity: Severity::Warning,
    title: "a further manifest is for another namespace than the cluster",
    story: "\
Objects under `spec.extraManifests` are rendered along with the cluster's. One with a namespace of its own goes there, also when `--namespace` moves the cluster: most objects that a cluster needs, such as ConfigMaps, Secrets and NetworkPolicies, are without effect in another namespace. \
Leave `metadata.namespace` out, or write the cluster's. Where another namespace is meant, such as that of a monitoring system, the warning can be ignored.",
    check: Some(manifest_elsewhere),
};

fn manifest_elsewhere(facts: &Facts<'_>, found: &mut Findings) {
    // A namespace that cannot be one has a rule of its own.
    let Some(home) = facts.namespace().filter(|home| grammar::dns_label(home).is_none()) else {
        return;
    };
    for (pointer, manifest) in manifests(facts) {
        let namespace = metadata(manifest, "namespace");
        if !namespace.is_empty() && namespace != home {
            found.push(|| {
                Finding::at(
                    format!("{pointer}/metadata/namespace"),
                    format!("the {} `{}` goes to the namespace `{namespace}`, and the cluster to `{home}`", text(manifest, "kind"), metadata(manifest, "name")),
                )
                .label("another namespace")
                .related("/metadata/namespace", "the cluster's")
                .help(format!("remove it, or write `namespace: {home}`"))
            });
        }
    }
}

pub(super) const PATCH_OF_FIELD: Rule = Rule {
    code: "RCG354",
    name: "patch-of-field",
    severity: Severity::Warning,
    title: "a patch sets what the spec has a field for",
    story: "\
Patches are for what the spec has no field for. What they set is merged into the finished objects, after everything was checked: a memory limit that is patched is not the one that `maxmemory` follows from, a patched image is not the version that directives are checked by, a \
patched grace period may be shorter than the hand-over, and a file of the ConfigMap that is patched is replaced as a whole, with all that stands in it. Write the field instead; if the patch is really meant, this warning is the price.",
    check: Some(patch_of_field),
};

/// What has a field: the kind, the place in the object, and the field. A place below `redis` is one of the server's container.
const FIELDS: [(&str, &str, &str); 19] = [
    ("ConfigMap", "/data/redis.conf", "spec.config"),
    ("ConfigMap", "/data/live.conf", "spec.config"),
    ("Job", "/spec/backoffLimit", "spec.bootstrap.backoffLimit"),
    ("Job", "/spec/activeDeadlineSeconds", "spec.bootstrap.timeoutSeconds"),
    ("NetworkPolicy", "/spec/ingress", "spec.network.networkPolicy"),
    (
        "PodDisruptionBudget",
        "/spec/maxUnavailable",
        "spec.lifecycle.podDisruptionBudget.maxUnavailable",
    ),
    ("StatefulSet", "/spec/minReadySeconds", "spec.lifecycle.minReadySeconds"),
    ("StatefulSet", "/spec/persistentVolumeClaimRetentionPolicy", "spec.storage.retention"),
    ("StatefulSet", "/spec/updateStrategy", "spec.lifecycle.updateStrategy"),
    (
        "StatefulSet",
        "/spec/template/spec/terminationGracePeriodSeconds",
        "spec.lifecycle.terminationGracePeriodSeconds",
    ),
    ("StatefulSet", "/spec/template/spec/topologySpreadConstraints", "spec.topology.spread"),
    ("StatefulSet", "redis/env", "spec.pod.env"),
    ("StatefulSet", "redis/image", "spec.engine.image"),
    ("StatefulSet", "redis/lifecycle", "spec.lifecycle.handoverSeconds"),
    ("StatefulSet", "redis/livenessProbe", "spec.probes.liveness"),
    ("StatefulSet", "redis/readinessProbe", "spec.probes.readiness"),
    ("StatefulSet", "redis/resources", "spec.pod.resources"),
    ("StatefulSet", "redis/startupProbe", "spec.probes.startup"),
    ("StatefulSet", "redis/volumeMounts", "spec.pod.volumeMounts"),
];

fn patch_of_field(facts: &Facts<'_>, found: &mut Findings) {
    for (index, patch) in facts.spec.patches.iter().enumerate() {
        let merge = Value::Object(patch.merge.clone());
        let is_server = |(_, item): &(String, &Value)| item["name"] == names::SERVER_CONTAINER;
        let server = patched_containers(&merge).into_iter().find(is_server);
        for (kind, place, field) in FIELDS {
            if kind != patch.target.kind {
                continue;
            }
            let pointer = match (place.strip_prefix(names::SERVER_CONTAINER), &server) {
                (None, _) => place.to_owned(),
                (Some(rest), Some((container, _))) => format!("{container}{rest}"),
                (Some(_), None) => continue,
            };
            if merge.pointer(&pointer).is_some() {
                let name = pointer.rsplit('/').next().unwrap_or_default();
                found.push(|| {
                    Finding::at_key(
                        format!("{PATCHES}/{index}/merge{pointer}"),
                        format!(
                            "the patch sets `{name}` of the {kind}, which the spec has a field for"
                        ),
                    )
                    .label("not checked")
                    .note("what a patch sets is merged after everything was checked")
                    .help(format!("write `{field}`"))
                });
            }
        }
    }
}

pub(super) const OUTPUT_TOO_LARGE: Rule = Rule {
    code: "RCG355",
    name: "output-too-large",
    severity: Severity::Error,
    title: "what is written into many objects makes the output too large",
    story: "\
Some parts of a spec are written once into each object of a kind: `metadata.labels` and `metadata.annotations` into all of them, `pod` into each StatefulSet, and under `network.external` the annotations and address ranges into the Service of each pod; a patch goes into each object that it is for. With hundreds of shards or pods \
a few hundred kilobytes become gigabytes, which no API server takes. Together they may have 8 MiB: 16 KiB of `pod` for each of 500 shards, or 8 KiB of annotations for the Service of each of 1,000 pods.",
    check: Some(output_too_large),
};

/// How many bytes the parts that are written into many objects may have together.
const LARGEST_REPEATED: usize = 8 << 20;

fn output_too_large(facts: &Facts<'_>, found: &mut Findings) {
    let Some(plan) = facts.plan() else { return };
    let (sets, mut services) = (plan.stateful_sets.len(), 0);
    let metadata = &facts.cluster.metadata;
    let spec = facts.spec;
    let mut parts = vec![
        ("/spec/pod", json_size(&spec.pod), "StatefulSet", sets),
        ("/spec/storage/labels", size(&spec.storage.labels), "StatefulSet", sets),
        ("/spec/storage/annotations", size(&spec.storage.annotations), "StatefulSet", sets),
    ];
    if let (Some(external), Some(outside)) = (&spec.network.external, &plan.external)
        && let Some(longest) = outside.pods.iter().max_by_key(|pod| pod.name.len() + pod.host.len())
    {
        services = outside.pods.len();
        let ranges = external.load_balancer_source_ranges.iter().map(String::len).sum();
        let annotations = size(&longest.annotations(external));
        parts.extend([
            ("/spec/network/external/annotations", annotations, "Service", services),
            ("/spec/network/external/loadBalancerSourceRanges", ranges, "Service", services),
        ]);
    }
    let objects = sets + services;
    parts.extend([
        ("/metadata/labels", size(&metadata.labels), "object", objects),
        ("/metadata/annotations", size(&metadata.annotations), "object", objects),
    ]);
    let mut parts: Vec<_> = parts
        .into_iter()
        .map(|(pointer, size, kind, copies)| (pointer.to_owned(), size, kind, copies))
        .collect();
    for (index, Patch { target, merge }) in spec.patches.iter().enumerate() {
        let objects = facts.objects().unwrap_or_default();
        let copies = objects.iter().filter(|object| patch::is_for(target, object)).count();
        parts.push((format!("{PATCHES}/{index}/merge"), json_size(merge), &target.kind, copies));
    }
    let total: usize = parts.iter().map(|(_, size, _, copies)| size * copies).sum();
    let largest = parts.into_iter().max_by_key(|(_, size, _, copies)| size * copies);
    let Some((pointer, size, kind, copies)) = largest.filter(|_| total > LARGEST_REPEATED) else {
        return;
    };
    found.push(|| {
        let copies = plural(copies as u64, kind);
        let message = format!("{size} bytes, written into {copies}, make the output too large");
        Finding::at_key(pointer, message)
            .label(format!("{total} repeated bytes in all, {LARGEST_REPEATED} are allowed"))
            .needs("/spec/topology")
            .help("write less of it, or put what is large into a ConfigMap under `spec.extraManifests`")
    });
}

fn json_size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}
