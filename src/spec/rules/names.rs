//! Names, labels and annotations.

use std::collections::BTreeMap;

use super::{super::written::join, Facts, Finding, Findings, Rule, grammar};
use crate::{error::Severity, plan::names};

pub(super) const CLUSTER_NAME: Rule = Rule {
    code: "RCG201",
    name: "cluster-name",
    severity: Severity::Error,
    title: "the cluster's name cannot be the beginning of all its objects' names",
    story: "\
Every object's name begins with the cluster's. The longest are the bootstrap Job, `NAME-bootstrap-` and 10 characters, and a shard's StatefulSet, \
`NAME-shard-499`. Kubernetes stores a Job's name in a label, which holds 63 characters, and a StatefulSet's name with an 11 character suffix \
(`controller-revision-hash`) in another, so 52 are left for it. Services and pods are DNS labels: small letters, digits and `-`; a Service's begins with a letter.

Write 1 to 40 small letters, digits and `-`, with a letter first and no `-` last, such as `name: sessions`.",
    check: Some(cluster_name),
};

fn cluster_name(facts: &Facts<'_>, found: &mut Findings) {
    let name = &facts.cluster.metadata.name;
    let why = match grammar::dns_label(name) {
        _ if name.chars().count() > 40 => {
            Some(format!("has {} characters, 40 are allowed", name.chars().count()))
        }
        None if name.starts_with(|char: char| char.is_ascii_digit()) => {
            Some("begins with a digit".to_owned())
        }
        why => why,
    };
    let Some(why) = why else { return };
    let finding = Finding::at("/metadata/name", format!("the cluster's name `{name}` {why}"))
        .note("all objects' names begin with it: DNS labels of at most 63 characters, of which 23 are needed for the rest");
    let letters = name.trim_start_matches(|char: char| !char.is_ascii_alphabetic());
    found.push(|| match grammar::as_dns_label(letters, 40) {
        Some(label) => finding.help(format!("write for example `name: {label}`")),
        None => {
            finding.help("write a name of small letters, digits and `-`, such as `name: sessions`")
        }
    });
}

pub(super) const NAMESPACE_NAME: Rule = Rule {
    code: "RCG202",
    name: "namespace-name",
    severity: Severity::Error,
    title: "the namespace's name is not one that Kubernetes allows",
    story: "\
A namespace's name is a DNS label: at most 63 small letters, digits and `-`, with a letter or digit at both ends. Leave `metadata.namespace` out where the applying tool decides.",
    check: Some(namespace_name),
};

fn namespace_name(facts: &Facts<'_>, found: &mut Findings) {
    let Some(name) = &facts.cluster.metadata.namespace else { return };
    let Some(why) = grammar::dns_label(name) else { return };
    let finding = Finding::at("/metadata/namespace", format!("the namespace `{name}` {why}"));
    found.push(|| match grammar::as_dns_label(name, 63) {
        Some(label) => finding.help(format!("write for example `namespace: {label}`")),
        None => finding.help("remove the key, or write the name of a namespace"),
    });
}

const MONITOR_LABELS: &str = "/spec/observability/monitor/labels";
const ALERT_LABELS: &str = "/spec/observability/alerts/labels";
const DASHBOARD_LABELS: &str = "/spec/observability/dashboard/labels";

pub(super) const LABEL_SYNTAX: Rule = Rule {
    code: "RCG203",
    name: "label-syntax",
    severity: Severity::Error,
    title: "a label is not one that Kubernetes allows",
    story: "\
A label's key is a name of at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends, and before it optionally a DNS domain and a `/`. \
Its value is such a name too, or empty. What does not fit, such as an address or a sentence, is an annotation.",
    check: Some(label_syntax),
};

fn label_syntax(facts: &Facts<'_>, found: &mut Findings) {
    let observability = &facts.spec.observability;
    let all = [
        ("/metadata/labels", &facts.cluster.metadata.labels, "label"),
        (MONITOR_LABELS, &observability.monitor.labels, "label"),
        (ALERT_LABELS, &observability.alerts.labels, "label"),
        (DASHBOARD_LABELS, &observability.dashboard.labels, "label"),
        ("/spec/pod/labels", &facts.spec.pod.labels, "label"),
        ("/spec/storage/labels", &facts.spec.storage.labels, "label"),
        ("/spec/pod/nodeSelector", &facts.spec.pod.node_selector, "node label"),
    ];
    for (pointer, labels, kind) in all {
        for (key, value) in labels {
            if let Some(why) = grammar::label_key(key) {
                found.push(|| {
                    Finding::at_key(join(pointer, key), format!("the {kind}'s key `{key}` {why}"))
                        .help("write a name of letters, digits, `-`, `_` and `.`, such as `team` or `example.com/team`")
                });
            }
            if let Some(why) = grammar::label_value(value) {
                found.push(|| {
                let finding =
                    Finding::at(join(pointer, key), format!("the {kind}'s value `{value}` {why}"));
                match kind {
                    "label" => finding.help("write at most 63 letters, digits, `-`, `_` and `.`, or make it an annotation"),
                    _ => finding.help("write the value that the nodes have: `kubectl get nodes --show-labels`"),
                }
                });
            }
        }
    }
}

pub(super) const OWNED_LABEL: Rule = Rule {
    code: "RCG204",
    name: "owned-label",
    severity: Severity::Error,
    title: "a label is set by redis-cluster-gen itself",
    story: "\
Services, the disruption budget and the StatefulSets find the pods by `app.kubernetes.io/name`, `app.kubernetes.io/instance`, `app.kubernetes.io/component` and \
`redis-cluster-gen.dev/shard`. Selectors can never be changed, so these labels have one owner. On objects, `app.kubernetes.io/managed-by` and `app.kubernetes.io/version` \
are set too.

Choose another key, such as `app.kubernetes.io/part-of` or one with your own domain.",
    check: Some(owned_label),
};

fn owned_label(facts: &Facts<'_>, found: &mut Findings) {
    const SELECTORS: [&str; 3] =
        ["app.kubernetes.io/component", "app.kubernetes.io/instance", "app.kubernetes.io/name"];
    const OBJECTS: [&str; 2] = ["app.kubernetes.io/managed-by", "app.kubernetes.io/version"];
    let observability = &facts.spec.observability;
    let all = [
        ("/metadata/labels", &facts.cluster.metadata.labels, OBJECTS.as_slice()),
        (MONITOR_LABELS, &observability.monitor.labels, OBJECTS.as_slice()),
        (ALERT_LABELS, &observability.alerts.labels, OBJECTS.as_slice()),
        (DASHBOARD_LABELS, &observability.dashboard.labels, OBJECTS.as_slice()),
        ("/spec/pod/labels", &facts.spec.pod.labels, &[]),
        ("/spec/storage/labels", &facts.spec.storage.labels, &[]),
    ];
    for (pointer, labels, more) in all {
        for key in labels.keys() {
            if SELECTORS.contains(&key.as_str())
                || more.contains(&key.as_str())
                || key.starts_with(OWN_PREFIX)
            {
                found.push(|| {
                    Finding::at_key(
                        join(pointer, key),
                        format!("the label `{key}` is set by redis-cluster-gen"),
                    )
                    .label("has an owner")
                    .note(if more.contains(&key.as_str()) {
                        "it tells what made the object, and of which version"
                    } else {
                        "Services, StatefulSets and the disruption budget find the pods by such labels"
                    })
                    .help("remove it, or choose another key, such as `app.kubernetes.io/part-of`")
                });
            }
        }
    }
}

/// Before all keys of our own.
const OWN_PREFIX: &str = "redis-cluster-gen.dev/";

pub(super) const ANNOTATION_SYNTAX: Rule = Rule {
    code: "RCG205",
    name: "annotation-syntax",
    severity: Severity::Error,
    title: "an annotation is not one that Kubernetes allows",
    story: "\
An annotation's key has the form of a label's: a name of at most 63 letters, digits, `-`, `_` and `.`, and before it optionally a DNS domain and a `/`. Its \
value is any text, but all annotations of an object together have at most 256 KiB.",
    check: Some(annotation_syntax),
};

fn annotations<'a>(
    facts: &Facts<'a>,
) -> impl Iterator<Item = (&'static str, &'a BTreeMap<String, String>)> {
    let external = facts.spec.network.external.as_ref();
    let external =
        external.map(|external| ("/spec/network/external/annotations", &external.annotations));
    [
        (
            "/spec/observability/dashboard/annotations",
            &facts.spec.observability.dashboard.annotations,
        ),
        ("/metadata/annotations", &facts.cluster.metadata.annotations),
        ("/spec/pod/annotations", &facts.spec.pod.annotations),
        ("/spec/storage/annotations", &facts.spec.storage.annotations),
        ("/spec/bootstrap/annotations", &facts.spec.bootstrap.annotations),
        ("/spec/network/clientService/annotations", &facts.spec.network.client_service.annotations),
    ]
    .into_iter()
    .chain(external)
}

fn annotation_syntax(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, annotations) in annotations(facts) {
        for key in annotations.keys() {
            if let Some(why) = grammar::label_key(key) {
                found.push(|| {
                    Finding::at_key(join(pointer, key), format!("the annotation's key `{key}` {why}"))
                        .help("write a name of letters, digits, `-`, `_` and `.`, such as `example.com/runbook`")
                });
            }
        }
        let size = size(annotations);
        if size > 256 << 10 {
            found.push(|| {
                Finding::at_key(
                    pointer,
                    format!("the annotations have {size} bytes, 262144 are allowed"),
                )
                .help("put what is large into a ConfigMap under `spec.extraManifests`")
            });
        }
    }
}

/// The bytes of all keys and values.
pub(super) fn size(texts: &BTreeMap<String, String>) -> usize {
    texts.iter().map(|(key, value)| key.len() + value.len()).sum()
}

pub(super) const OWNED_ANNOTATION: Rule = Rule {
    code: "RCG206",
    name: "owned-annotation",
    severity: Severity::Error,
    title: "an annotation is set by redis-cluster-gen itself",
    story: "\
Annotations that begin with `redis-cluster-gen.dev/` are set by redis-cluster-gen. `redis-cluster-gen.dev/config-hash` on the pods makes a changed configuration restart them; \
with another value it would not. Choose a key with your own domain.",
    check: Some(owned_annotation),
};

fn owned_annotation(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, annotations) in annotations(facts) {
        for key in annotations.keys().filter(|key| key.starts_with(OWN_PREFIX)) {
            found.push(|| {
                let finding = Finding::at_key(
                join(pointer, key),
                format!("the annotation `{key}` is set by redis-cluster-gen"),
            )
            .label("has an owner")
            .help("remove it, or choose a key with your own domain, such as `example.com/runbook`");
                match key == names::CONFIG_HASH {
                    true => finding
                        .note("its value changes with the configuration, so that the pods restart"),
                    false => finding,
                }
            });
        }
    }
}

pub(super) const OBJECT_NAME: Rule = Rule {
    code: "RCG207",
    name: "object-name",
    severity: Severity::Error,
    title: "what should be the name of another object cannot be one",
    story: "\
Secrets, classes and ServiceAccounts are named by DNS subdomains: at most 253 small letters, digits, `-` and `.`, with a letter or digit at both ends of each part. \
The API server would refuse the objects that refer to them.",
    check: Some(object_name),
};

fn object_name(facts: &Facts<'_>, found: &mut Findings) {
    let pod = &facts.spec.pod;
    let backup_volume = facts.spec.backup.as_ref().and_then(|backup| backup.volume.as_ref());
    let single = [
        // An empty class is a choice: no class at all.
        (
            "/spec/storage/className",
            facts.spec.storage.class_name.as_ref().filter(|name| !name.is_empty()),
            "StorageClass",
        ),
        (
            "/spec/auth/passwordSecret/name",
            facts.spec.auth.password_secret.as_ref().map(|secret| &secret.name),
            "Secret",
        ),
        (
            "/spec/tls/secretName",
            facts.spec.tls.as_ref().and_then(|tls| tls.secret_name.as_ref()),
            "Secret",
        ),
        (
            "/spec/tls/certificate/issuerRef/name",
            facts
                .spec
                .tls
                .as_ref()
                .and_then(|tls| Some(&tls.certificate.as_ref()?.issuer_ref.name)),
            "issuer",
        ),
        (
            "/spec/backup/volume/claimName",
            backup_volume.and_then(|volume| volume.claim_name.as_ref()),
            "PersistentVolumeClaim",
        ),
        (
            "/spec/backup/volume/className",
            backup_volume
                .and_then(|volume| volume.class_name.as_ref())
                .filter(|name| !name.is_empty()),
            "StorageClass",
        ),
        (
            "/spec/restore/claimName",
            facts.spec.restore.as_ref().and_then(|restore| restore.claim_name.as_ref()),
            "PersistentVolumeClaim",
        ),
        ("/spec/pod/priorityClassName", pod.priority_class_name.as_ref(), "PriorityClass"),
        ("/spec/pod/runtimeClassName", pod.runtime_class_name.as_ref(), "RuntimeClass"),
        ("/spec/pod/schedulerName", pod.scheduler_name.as_ref(), "scheduler"),
        ("/spec/pod/serviceAccountName", pod.service_account_name.as_ref(), "ServiceAccount"),
    ];
    let single = single
        .into_iter()
        .filter_map(|(pointer, name, kind)| Some((pointer.to_owned(), name?, kind)));
    let secrets = &facts.spec.engine.pull_secrets;
    let secrets = secrets
        .iter()
        .enumerate()
        .map(|(index, name)| (join("/spec/engine/pullSecrets", index), name, "Secret"));
    let users = facts.spec.auth.users.iter().enumerate();
    let of_users = users.filter_map(|(index, user)| {
        let secret = user.password_secret.as_ref()?;
        Some((format!("/spec/auth/users/{index}/passwordSecret/name"), &secret.name, "Secret"))
    });
    for (pointer, name, kind) in single.chain(secrets).chain(of_users) {
        if let Some(why) = grammar::dns_subdomain(name) {
            found.push(|| {
                Finding::at(pointer, format!("`{name}` cannot be the name of a {kind}: it {why}"))
                    .help(format!("write the name of the {kind}, or remove it"))
            });
        }
    }
}

pub(super) const SECRET_KEY: Rule = Rule {
    code: "RCG208",
    name: "secret-key",
    severity: Severity::Error,
    title: "what should be a key of a Secret cannot be one",
    story: "\
The keys in a Secret's `data` are at most 253 letters, digits, `-`, `_` and `.`, and do not begin with `..`: each is the name of a file where the Secret is mounted. With another key the API server refuses the pods.",
    check: Some(secret_key),
};

fn secret_key(facts: &Facts<'_>, found: &mut Findings) {
    let auth = &facts.spec.auth;
    let users = auth.users.iter().enumerate().map(|(index, user)| {
        (format!("/spec/auth/users/{index}/passwordSecret/key"), &user.password_secret)
    });
    let cluster = ("/spec/auth/passwordSecret/key".to_owned(), &auth.password_secret);
    for (pointer, secret) in [cluster].into_iter().chain(users) {
        let Some(key) = secret.as_ref().map(|secret| &secret.key) else { continue };
        if let Some(why) = grammar::data_key(key) {
            found.push(|| {
                Finding::at(pointer, format!("`{key}` cannot be a key of a Secret: it {why}"))
                    .help("write the key that the password has in the Secret, or remove `key`: the default is `password`")
            });
        }
    }
}
