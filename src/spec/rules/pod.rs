//! Additions to the pods: variables, volumes, containers, and what they may do.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, EnvVar, SecurityContext};
use serde_json::Value;

use super::{
    super::{kube::Kube, suggest::closest, types::AuthMode, written::join},
    Facts, Finding, Findings, Rule, grammar, understood,
};
use crate::{error::Severity, plan::names};

const ENV: &str = "/spec/pod/env";
const EXPORTER_ENV: &str = "/spec/observability/exporter/env";
const VOLUMES: &str = "/spec/pod/volumes";
const MOUNTS: &str = "/spec/pod/volumeMounts";
const SIDECARS: &str = "/spec/pod/sidecars";
const INIT: &str = "/spec/pod/initContainers";
const SECURITY: &str = "/spec/pod/securityContext";

/// What the scripts read, or set for themselves.
const OWN_VARIABLES: &[&str] = &[
    "ANNOUNCE_HOSTNAME",
    "BUS_PORT",
    "CLIENT_PORT",
    "CLUSTER",
    "ENGINE",
    "EXPORTER_ADDRESSES",
    "EXPORTER_FILE",
    "HANDOVER_SECONDS",
    "IP_FAMILY",
    "PASSWORD_FILE",
    "POD_IPS",
    "POD_NAME",
    "POD_NAMESPACE",
    "REDISCLI_AUTH",
    "TLS_DIR",
    "VALKEYCLI_AUTH",
];

/// What tells the exporter where its server is, what to call metrics, and where to listen.
const EXPORTER_VARIABLES: &[&str] = &[
    "REDIS_ADDR",
    "REDIS_EXPORTER_CONNECTION_TIMEOUT",
    "REDIS_EXPORTER_NAMESPACE",
    "REDIS_EXPORTER_SKIP_TLS_VERIFICATION",
    "REDIS_EXPORTER_TLS_CA_CERT_FILE",
    "REDIS_EXPORTER_TLS_CLIENT_CERT_FILE",
    "REDIS_EXPORTER_TLS_CLIENT_KEY_FILE",
    "REDIS_EXPORTER_WEB_LISTEN_ADDRESS",
    "REDIS_EXPORTER_WEB_TELEMETRY_PATH",
    "REDIS_PASSWORD",
    "REDIS_PASSWORD_FILE",
    "REDIS_USER",
];

/// The user's variables of the server and the exporter that could be decoded.
fn variables<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (String, &'a EnvVar)> {
    let spec = facts.spec;
    understood(ENV, &spec.pod.env).chain(understood(EXPORTER_ENV, &spec.observability.exporter.env))
}

/// The user's containers that could be decoded: sidecars, then init containers.
fn containers<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (String, &'a Container)> {
    let pod = &facts.spec.pod;
    understood(SIDECARS, &pod.sidecars).chain(understood(INIT, &pod.init_containers))
}

/// Those, and the ones that run before or after the Jobs' own.
fn all_containers<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (String, &'a Container)> {
    let upload = facts.spec.backup.as_ref().and_then(|backup| backup.upload.as_ref());
    let download = facts.spec.restore.as_ref().and_then(|restore| restore.download.as_ref());
    let tasks = [("/spec/backup/upload", upload), ("/spec/restore/download", download)];
    containers(facts).chain(tasks.into_iter().filter_map(|(pointer, container)| {
        let container = container.filter(|container| is_understood(container))?;
        Some((pointer.to_owned(), &container.typed))
    }))
}

pub(super) const OWNED_VARIABLE: Rule = Rule {
    code: "RCG321",
    name: "owned-variable",
    severity: Severity::Error,
    title: "an environment variable is one that the scripts read",
    story: "\
The scripts of the pods are told by environment variables what they need: the pod's name and addresses, the ports, the engine. The last definition of a variable wins, so one of the same name would replace it, and a pod would \
announce a wrong address or listen on a wrong port. Choose another name.

The exporter is told by variables too: where its server is, with which password, what metrics are called and where they are. Alerts, dashboard and monitor rely on that. Other variables of it, such as `REDIS_EXPORTER_CHECK_KEYS`, are yours. `REDIS_PASSWORD` it would moreover send to any address that \
somebody asks it to scrape.",
    check: Some(owned_variable),
};

fn owned_variable(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, variable) in understood(ENV, &facts.spec.pod.env) {
        if OWN_VARIABLES.contains(&variable.name.as_str()) {
            found.push(|| {
                let finding = Finding::at(
                    join(&pointer, "name"),
                    format!("the variable `{}` is read by the pods' scripts", variable.name),
                )
                .label("has an owner");
                match variable.name.as_str() {
                    "CLIENT_PORT" => finding.help("write `spec.network.clientPort`"),
                    "BUS_PORT" => finding.help("write `spec.network.busPort`"),
                    "ENGINE" => finding.help("write `spec.engine.name`"),
                    "IP_FAMILY" => finding.help("write `spec.network.ipFamilies`"),
                    "HANDOVER_SECONDS" => finding.help("write `spec.lifecycle.handoverSeconds`"),
                    "ANNOUNCE_HOSTNAME" => finding.help("write `spec.network.announceHostnames`"),
                    "POD_NAME" | "POD_NAMESPACE" | "POD_IPS" => {
                        finding.help("remove it: it is set already, from the pod itself")
                    }
                    _ => finding.help("remove it, or choose another name"),
                }
            });
        }
    }
    for (pointer, variable) in understood(EXPORTER_ENV, &facts.spec.observability.exporter.env) {
        if EXPORTER_VARIABLES.contains(&variable.name.as_str()) {
            let finding = Finding::at(
                join(&pointer, "name"),
                format!("the variable `{}` of the exporter is set already", variable.name),
            )
            .label("has an owner");
            found.push(|| match variable.name.as_str() {
                "REDIS_EXPORTER_WEB_LISTEN_ADDRESS" => {
                    finding.help("write `spec.observability.exporter.port`")
                }
                "REDIS_PASSWORD" | "REDIS_PASSWORD_FILE" => {
                    finding.help("write `spec.auth.passwordSecret`, which the exporter uses too")
                }
                _ => finding.help("remove it"),
            });
        }
    }
}

pub(super) const VARIABLE_NAME: Rule = Rule {
    code: "RCG322",
    name: "variable-name",
    severity: Severity::Error,
    title: "an environment variable's name is none that a shell can read",
    story: "\
A variable's name has letters, digits and `_`, and does not begin with a digit. Kubernetes takes more, but a shell does not: the entrypoint and every probe are shell scripts, and some shells drop what they cannot name.",
    check: Some(variable_name),
};

fn variable_name(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, variable) in variables(facts) {
        let name = &variable.name;
        let fine = |char: char| char.is_ascii_alphanumeric() || char == '_';
        if name.is_empty() {
            found.push(|| {
                Finding::lacking(pointer, "an environment variable has no name")
                    .label("no `name`")
                    .help("write `name:` and `value:`")
            });
        } else if !name.chars().all(fine) || name.starts_with(|char: char| char.is_ascii_digit()) {
            let plain: String =
                name.chars().map(|char| if fine(char) { char } else { '_' }).collect();
            found.push(|| {
                let finding = Finding::at(
                    join(&pointer, "name"),
                    format!("`{name}` is not the name of a variable"),
                );
                match plain.starts_with(|char: char| char.is_ascii_digit()) {
                    true => finding.help("begin it with a letter"),
                    false => finding.help(format!("write for example `{plain}`")),
                }
            });
        }
    }
}

pub(super) const DUPLICATE_NAME: Rule = Rule {
    code: "RCG323",
    name: "duplicate-name",
    severity: Severity::Error,
    title: "two variables, volumes, mounts or containers have the same name",
    story: "\
Of two variables with one name the last wins. Two volumes or containers with one name, or two mounts at one path, are refused by the API server. Tools that merge, such as kustomize and server-side apply, tell the items of these lists apart by \
their names, and make one of two.",
    check: Some(duplicate_name),
};

fn duplicate_name(facts: &Facts<'_>, found: &mut Findings) {
    let pod = &facts.spec.pod;
    let env = understood(ENV, &pod.env)
        .map(|(pointer, item)| (join(&pointer, "name"), item.name.as_str()));
    twice(env, "variable", found);
    let env = understood(EXPORTER_ENV, &facts.spec.observability.exporter.env)
        .map(|(pointer, item)| (join(&pointer, "name"), item.name.as_str()));
    twice(env, "variable", found);
    let volumes = understood(VOLUMES, &pod.volumes)
        .map(|(pointer, item)| (join(&pointer, "name"), item.name.as_str()));
    twice(volumes, "volume", found);
    let mounts = understood(MOUNTS, &pod.volume_mounts).map(|(pointer, item)| {
        (join(&pointer, "mountPath"), item.mount_path.trim_end_matches('/'))
    });
    twice(mounts, "mount", found);
    let containers =
        containers(facts).map(|(pointer, item)| (join(&pointer, "name"), item.name.as_str()));
    twice(containers, "container", found);
}

fn twice<'a>(names: impl Iterator<Item = (String, &'a str)>, what: &str, found: &mut Findings) {
    let mut seen = BTreeMap::new();
    for (pointer, name) in names.filter(|(_, name)| !name.is_empty()) {
        match seen.get(name) {
            Some(first) => found.push(|| {
                Finding::at(pointer, format!("the {what} `{name}` is there twice"))
                    .label("again")
                    .related(String::clone(first), "first here")
                    .help(match what {
                        "mount" => "choose another path, or remove one of the two".to_owned(),
                        _ => "choose another name, or remove one of the two".to_owned(),
                    })
            }),
            None => {
                seen.insert(name, pointer);
            }
        }
    }
}

pub(super) const OWNED_VOLUME: Rule = Rule {
    code: "RCG324",
    name: "owned-volume",
    severity: Severity::Error,
    title: "a volume has the name of one of the pods' own",
    story: "\
The pods have the volumes `auth` (the password), `conf` (configuration and scripts), `data` (the database), `tls` (the certificate), `tmp`, `users` (their passwords), and with an exporter `exporter`. Another volume needs another name; to mount one of these in a sidecar, name it in the sidecar's `volumeMounts`, without an item under `spec.pod.volumes`. How large `data` is, is said under \
`spec.storage`.",
    check: Some(owned_volume),
};

fn owned_volume(facts: &Facts<'_>, found: &mut Findings) {
    let has_exporter = facts.spec.observability.exporter.enabled;
    for (pointer, volume) in understood(VOLUMES, &facts.spec.pod.volumes) {
        let of_exporter = has_exporter && volume.name == names::EXPORTER.0;
        let own = [
            names::AUTH.0,
            names::CONF.0,
            names::DATA.0,
            names::TLS.0,
            names::TMP.0,
            names::USERS.0,
        ];
        if own.contains(&volume.name.as_str()) || of_exporter {
            found.push(|| {
                let finding = Finding::at(
                    join(&pointer, "name"),
                    format!("the pods have a volume `{}` of their own", volume.name),
                )
                .label("has an owner");
                match volume.name == names::DATA.0 {
                    true => finding.help(
                        "write what it should be under `spec.storage`, or choose another name",
                    ),
                    false => finding.help("choose another name"),
                }
            });
        }
    }
}

pub(super) const ITEM_NAME: Rule = Rule {
    code: "RCG325",
    name: "item-name",
    severity: Severity::Error,
    title: "a volume's or container's name is none that Kubernetes takes",
    story: "\
Volumes and containers are named by DNS labels: at most 63 small letters, digits and `-`, with a letter or digit at both ends.",
    check: Some(item_name),
};

fn item_name(facts: &Facts<'_>, found: &mut Findings) {
    let volumes = understood(VOLUMES, &facts.spec.pod.volumes)
        .map(|(pointer, item)| (pointer, "volume", item.name.as_str()));
    let containers =
        all_containers(facts).map(|(pointer, item)| (pointer, "container", item.name.as_str()));
    for (pointer, what, name) in volumes.chain(containers) {
        if name.is_empty() {
            found.push(|| {
                Finding::lacking(pointer, format!("a {what} has no name"))
                    .label("no `name`")
                    .help("write `name:` and a name of small letters, digits and `-`")
            });
        } else if let Some(why) = grammar::dns_label(name) {
            found.push(|| {
                let finding = Finding::at(
                    join(&pointer, "name"),
                    format!("the {what}'s name `{name}` {why}"),
                );
                match grammar::as_dns_label(name, 63) {
                    Some(label) => finding.help(format!("write for example `name: {label}`")),
                    None => finding.help("write a name of small letters, digits and `-`"),
                }
            });
        }
    }
}

pub(super) const OWNED_MOUNT: Rule = Rule {
    code: "RCG326",
    name: "owned-mount",
    severity: Severity::Error,
    title: "a mount covers one of the pods' own directories",
    story: "\
The server's container has the password in `/auth`, its configuration and scripts in `/conf`, its data in `/data`, the exporter's password in `/exporter`, the certificate in `/tls`, the passwords of users in `/users`, and `/tmp` for short-lived files. A mount at one of them, or above it, hides what is there; one below it adds files that the guards against data loss take for the server's. \
Choose another directory, such as `/etc/NAME`.",
    check: Some(owned_mount),
};

fn owned_mount(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, mount) in understood(MOUNTS, &facts.spec.pod.volume_mounts) {
        let place = mount.mount_path.trim_end_matches('/');
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if mount.mount_path.is_empty() {
            found.push(|| {
                Finding::lacking(pointer, "a mount has no path")
                    .label("no `mountPath`")
                    .help("write `mountPath:` and a directory, such as `/etc/extra`")
            });
        } else if !mount.mount_path.starts_with('/') {
            found.push(|| {
                Finding::at(
                    join(&pointer, "mountPath"),
                    format!("the mount's path `{}` does not begin with `/`", mount.mount_path),
                )
                .help(format!("write `mountPath: /{}`", mount.mount_path))
            });
        } else if let Some(own) = [
            names::AUTH.1,
            names::CONF.1,
            names::DATA.1,
            names::EXPORTER.1,
            names::TLS.1,
            names::TMP.1,
            names::USERS.1,
        ]
        .into_iter()
        .find(|own| within(place, own) || within(own, place))
        {
            found.push(|| {
                Finding::at(
                    join(&pointer, "mountPath"),
                    format!("a mount at `{}` covers `{own}`", mount.mount_path),
                )
                .label("has an owner")
                .help("choose another directory, such as `/etc/extra`")
            });
        }
    }
}

pub(super) const UNKNOWN_VOLUME: Rule = Rule {
    code: "RCG327",
    name: "unknown-volume",
    severity: Severity::Error,
    title: "a mount names a volume that there is not",
    story: "\
A mount names a volume of the pod: one under `spec.pod.volumes`, or one of the pods' own, `conf`, `data`, `tmp`, `auth` where there is a password, `users` where there are users, and `tls` where there is a certificate. With another name the API server refuses the pods.",
    check: Some(unknown_volume),
};

fn unknown_volume(facts: &Facts<'_>, found: &mut Findings) {
    let pod = &facts.spec.pod;
    // A volume that could not be decoded may be the one that is meant.
    if understood(VOLUMES, &pod.volumes).count() < pod.volumes.len() {
        return;
    }
    let mut volumes = BTreeSet::from([names::CONF.0, names::DATA.0, names::TMP.0]);
    if facts.spec.auth.mode == AuthMode::Password {
        volumes.insert(names::AUTH.0);
        volumes.extend(facts.spec.observability.exporter.enabled.then_some(names::EXPORTER.0));
    }
    volumes.extend(facts.spec.tls.as_ref().map(|_| names::TLS.0));
    volumes.extend((!facts.spec.auth.users.is_empty()).then_some(names::USERS.0));
    volumes.extend(pod.volumes.iter().map(|volume| volume.typed.name.as_str()));
    let server = understood(MOUNTS, &pod.volume_mounts);
    let others = containers(facts).flat_map(|(pointer, container)| {
        let mounts = container.volume_mounts.iter().flatten().enumerate();
        mounts.map(move |(index, mount)| (join(&join(&pointer, "volumeMounts"), index), mount))
    });
    for (pointer, mount) in server.chain(others) {
        if volumes.contains(mount.name.as_str()) {
            continue;
        }
        if mount.name.is_empty() {
            found.push(|| {
                Finding::lacking(pointer, "a mount names no volume")
                    .label("no `name`")
                    .help("write `name:` and the name of a volume")
            });
            continue;
        }
        found.push(|| {
            let finding =
                Finding::at(join(&pointer, "name"), format!("there is no volume `{}`", mount.name))
                    .needs(VOLUMES);
            match closest(&mount.name, volumes.iter().copied()) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding
                    .help(format!("add it under `spec.pod.volumes`, with `name: {}`", mount.name)),
            }
        });
    }
}

pub(super) const OWNED_CONTAINER: Rule = Rule {
    code: "RCG328",
    name: "owned-container",
    severity: Severity::Error,
    title: "a container has the name of one of ours",
    story: "\
The container that runs the server is called `redis`, whichever engine it is, so that `kubectl logs -c redis` works for all clusters. A sidecar or an init container needs another name, and with `spec.observability.exporter` also another one than `exporter` and `exporter-init`. To change the server's container, use `spec.patches`.",
    check: Some(owned_container),
};

fn owned_container(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, container) in containers(facts) {
        if container.name == names::SERVER_CONTAINER {
            found.push(|| {
                Finding::at(
                    join(&pointer, "name"),
                    format!("`{}` is the server's container", names::SERVER_CONTAINER),
                )
                .label("has an owner")
                .help("choose another name; to change the server's container use `spec.patches`")
            });
        }
        let of_exporter = [names::EXPORTER_CONTAINER, names::EXPORTER_INIT_CONTAINER];
        if facts.spec.observability.exporter.enabled
            && of_exporter.contains(&container.name.as_str())
        {
            found.push(|| {
                Finding::at(
                    join(&pointer, "name"),
                    format!("`{}` is a container of the exporter", container.name),
                )
                .label("has an owner")
                .related("/spec/observability/exporter/enabled", "of this one")
                .help("choose another name, or remove one of the two")
            });
        }
    }
}

pub(super) const NO_IMAGE: Rule = Rule {
    code: "RCG329",
    name: "no-image",
    severity: Severity::Error,
    title: "a container has no image",
    story: "A sidecar or an init container runs an image of its own; without one the API server refuses the pods.",
    check: Some(no_image),
};

fn no_image(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, container) in all_containers(facts) {
        if container.image.as_deref().unwrap_or_default().is_empty() {
            found.push(|| {
                Finding::lacking(
                    pointer,
                    format!("the container `{}` has no image", container.name),
                )
                .label("no `image`")
                .help("write `image:` and a name with a tag or digest")
            });
        }
    }
}

pub(super) const PORT_TAKEN: Rule = Rule {
    code: "RCG330",
    name: "port-taken",
    severity: Severity::Error,
    title: "a sidecar listens on a port of the server or the exporter",
    story: "\
The containers of a pod share its network, so two of them cannot listen on one port: the one that starts last fails. The server has `spec.network.clientPort`, `spec.network.busPort` and `spec.tls.plaintextPort`, the exporter `spec.observability.exporter.port`.",
    check: Some(port_taken),
};

fn port_taken(facts: &Facts<'_>, found: &mut Findings) {
    let (network, exporter) = (&facts.spec.network, &facts.spec.observability.exporter);
    for (pointer, container) in understood(SIDECARS, &facts.spec.pod.sidecars) {
        for (index, port) in container.ports.iter().flatten().enumerate() {
            let number = u32::try_from(port.container_port).ok();
            let (what, who, field) = if number == Some(network.client_port) {
                ("client port", "server", "/spec/network/clientPort")
            } else if number.is_some() && number == network.bus_port {
                ("bus port", "server", "/spec/network/busPort")
            } else if number.is_some()
                && number == facts.spec.tls.as_ref().and_then(|tls| tls.plaintext_port)
            {
                ("plaintext port", "server", "/spec/tls/plaintextPort")
            } else if exporter.enabled && number == Some(exporter.port) {
                ("port", "exporter", "/spec/observability/exporter/port")
            } else {
                continue;
            };
            found.push(|| {
                Finding::at(
                    format!("{pointer}/ports/{index}/containerPort"),
                    format!("the port {} is the {who}'s {what}", port.container_port),
                )
                .label("taken")
                .related(field, format!("by the {who}"))
                .help(format!(
                    "let the sidecar listen on another port, or give the {who} another one"
                ))
            });
        }
    }
}

pub(super) const HOST_ACCESS: Rule = Rule {
    code: "RCG331",
    name: "host-access",
    severity: Severity::Warning,
    title: "a pod reaches into its node",
    story: "\
A `hostPath` volume shares a directory with the node and with every other pod that mounts it, and a `hostPort` takes a port of the node, so that two pods with it cannot share one. Namespaces with the Pod Security Standard `baseline` or `restricted` refuse both. \
What a pod needs is better given by a ConfigMap, a Secret, or a volume claim.",
    check: Some(host_access),
};

fn host_access(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, volume) in understood(VOLUMES, &facts.spec.pod.volumes) {
        if let Some(host) = &volume.host_path {
            found.push(|| {
                Finding::at_key(join(&pointer, "hostPath"), format!("the volume `{}` is the directory `{}` of the node", volume.name, host.path))
                    .label("shared with the node")
                    .note("namespaces with the Pod Security Standard `baseline` or `restricted` refuse it")
                    .help("use a ConfigMap, a Secret, an `emptyDir` or a volume claim")
            });
        }
    }
    for (pointer, container) in all_containers(facts) {
        for (index, port) in container.ports.iter().flatten().enumerate() {
            if let Some(host) = port.host_port.filter(|port| *port != 0) {
                found.push(|| {
                    Finding::at(format!("{pointer}/ports/{index}/hostPort"), format!("the container `{}` takes port {host} of its node", container.name))
                        .label("one pod for each node")
                        .note("namespaces with the Pod Security Standard `baseline` or `restricted` refuse it")
                        .help("remove `hostPort`: pods have addresses of their own")
                });
            }
        }
    }
}

pub(super) const NOT_RESTRICTED: Rule = Rule {
    code: "RCG332",
    name: "not-restricted",
    severity: Severity::Warning,
    title: "the pods are refused where the Pod Security Standard `restricted` is enforced",
    story: "\
What is rendered meets the Pod Security Standard `restricted`: not root, no more rights than at the start, no capabilities, the runtime's seccomp profile. A changed security context, or a sidecar without one of its own, \
leaves it, and namespaces that enforce it refuse all pods of the cluster. A container needs `allowPrivilegeEscalation: false` and `capabilities: {drop: [ALL]}`; the rest it has from the pod.",
    check: Some(not_restricted),
};

fn not_restricted(facts: &Facts<'_>, found: &mut Findings) {
    let pod = facts.spec.pod.security_context.as_ref();
    if let Some(security) = pod.filter(|security| is_understood(security)) {
        let raw = |key| security.raw.get(key);
        let seccomp = security.raw.pointer("/seccompProfile/type").and_then(Value::as_str);
        let mistakes = [
            (
                raw("runAsNonRoot").is_some_and(|value| *value != Value::Bool(true)),
                "runAsNonRoot",
                "`runAsNonRoot` is not `true`",
            ),
            // With `runAsNonRoot` they do not even start: another rule says so.
            (
                raw("runAsUser") == Some(&Value::from(0))
                    && raw("runAsNonRoot").is_some_and(|value| *value != Value::Bool(true)),
                "runAsUser",
                "the pods run as root",
            ),
            (
                raw("seccompProfile").is_some_and(Value::is_null)
                    || seccomp
                        .is_some_and(|profile| !matches!(profile, "RuntimeDefault" | "Localhost")),
                "seccompProfile",
                "there is no seccomp profile",
            ),
        ];
        for (is_wrong, field, what) in mistakes {
            if is_wrong {
                found.push(|| {
                    Finding::at(
                        join(SECURITY, field),
                        format!("{what}: the Pod Security Standard `restricted` refuses the pods"),
                    )
                    .help(format!("remove `{field}`: the default is fit for `restricted`"))
                });
            }
        }
    }
    for (pointer, container) in all_containers(facts) {
        let default = SecurityContext::default();
        let security = container.security_context.as_ref().unwrap_or(&default);
        let capabilities = security.capabilities.as_ref();
        let drops_all = capabilities
            .and_then(|capabilities| capabilities.drop.as_ref())
            .is_some_and(|drop| drop.iter().any(|name| name == "ALL"));
        let adds = capabilities
            .and_then(|capabilities| capabilities.add.as_ref())
            .into_iter()
            .flatten()
            .any(|name| name != "NET_BIND_SERVICE");
        let missing: Vec<_> = [
            (security.privileged == Some(true), "`privileged: false`"),
            (
                security.allow_privilege_escalation != Some(false),
                "`allowPrivilegeEscalation: false`",
            ),
            (!drops_all, "`capabilities: {drop: [ALL]}`"),
            (adds, "no added capabilities"),
            (security.run_as_non_root == Some(false), "`runAsNonRoot: true`"),
            (security.run_as_user == Some(0), "another `runAsUser` than 0"),
        ]
        .into_iter()
        .filter_map(|(is_missing, what)| is_missing.then_some(what))
        .collect();
        if missing.is_empty() {
            continue;
        }
        let at = if container.security_context.is_some() {
            join(&pointer, "securityContext")
        } else {
            pointer
        };
        found.push(|| {
            Finding::at_key(
                at,
                format!(
                    "the container `{}` does not meet the Pod Security Standard `restricted`",
                    container.name
                ),
            )
            .note("namespaces that enforce it refuse all pods of the cluster")
            .help(format!("write under its `securityContext`: {}", missing.join(", ")))
        });
    }
}

fn is_understood<T>(kube: &Kube<T>) -> bool {
    kube.mistakes.iter().all(|mistake| mistake.reason.is_none())
}

pub(super) const TOLERATION: Rule = Rule {
    code: "RCG335",
    name: "toleration",
    severity: Severity::Error,
    title: "a toleration is none that Kubernetes takes",
    story: "\
A toleration has the `operator` `Equal`, which is the default and compares `value`, or `Exists`, which takes no `value`. Its `effect` is `NoSchedule`, `PreferNoSchedule` or `NoExecute`, or left out for all of them. Without a `key` it \
needs `Exists`, and tolerates everything.",
    check: Some(toleration),
};

fn toleration(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, toleration) in understood("/spec/pod/tolerations", &facts.spec.pod.tolerations) {
        let operator = toleration.operator.as_deref().unwrap_or("Equal");
        let value = toleration.value.as_deref().unwrap_or_default();
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        if !["Equal", "Exists"].contains(&operator) {
            found.push(|| {
                let finding = Finding::at(
                    join(&pointer, "operator"),
                    format!("a toleration's operator cannot be `{operator}`"),
                );
                match closest(operator, ["Equal", "Exists"]) {
                    Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                    None => finding.help("write `Equal` or `Exists`"),
                }
            });
        } else if operator == "Exists" && !value.is_empty() {
            found.push(|| {
                Finding::at(join(&pointer, "value"), format!("a toleration with the operator `Exists` takes no value, and `{value}` is given"))
                    .related(join(&pointer, "operator"), "any value")
                    .help("remove `value`, or write `operator: Equal`")
            });
        } else if operator == "Equal" && toleration.key.as_deref().unwrap_or_default().is_empty() {
            found.push(|| {
                Finding::at(
                    pointer.clone(),
                    "a toleration without a `key` needs the operator `Exists`",
                )
                .help("write `key:`, or `operator: Exists` to tolerate every taint")
            });
        }
        if let Some(effect) = toleration
            .effect
            .as_deref()
            .filter(|effect| !effect.is_empty() && !effects.contains(effect))
        {
            found.push(|| {
                let finding = Finding::at(
                    join(&pointer, "effect"),
                    format!("a taint's effect cannot be `{effect}`"),
                );
                match closest(effect, effects) {
                    Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                    None => finding.help("write `NoSchedule`, `PreferNoSchedule` or `NoExecute`"),
                }
            });
        }
    }
}

pub(super) const SECRET_IN_VARIABLE: Rule = Rule {
    code: "RCG336",
    name: "secret-in-variable",
    severity: Severity::Warning,
    title: "an environment variable seems to hold a password",
    story: "\
What is in a spec is in Git, and the values of environment variables are in the StatefulSets for everybody who may read them. A variable whose name says password, token or key, and that has a `value`, probably holds a secret. Put it into a Secret, which nothing here writes, and \
refer to it: `valueFrom: {secretKeyRef: {name: NAME, key: KEY}}`. Names that end in `_FILE`, `_PATH`, `_DIR`, `_NAME` or `_URL` are not reported, nor are values that are empty, numbers, `true` or `false`.",
    check: Some(secret_in_variable),
};

fn secret_in_variable(facts: &Facts<'_>, found: &mut Findings) {
    let others = all_containers(facts).flat_map(|(pointer, container)| {
        let env = container.env.iter().flatten().enumerate();
        env.map(move |(index, variable)| (join(&join(&pointer, "env"), index), variable))
    });
    for (pointer, variable) in variables(facts).chain(others) {
        let value = variable.value.as_deref().unwrap_or_default();
        let owned =
            if pointer.starts_with(EXPORTER_ENV) { EXPORTER_VARIABLES } else { OWN_VARIABLES };
        // What has an owner is refused anyway.
        if names_a_secret(&variable.name)
            && could_be_a_secret(value)
            && !owned.contains(&variable.name.as_str())
        {
            // At the name: a report ends in logs, which should not show the value.
            found.push(|| {
                Finding::at(join(&pointer, "name"), format!("the variable `{}` seems to hold a secret, readable for all who can read the spec", variable.name))
                    .label("its value is in Git")
                    .help("put the value into a Secret, and write `valueFrom: {secretKeyRef: {name: NAME, key: KEY}}` in place of `value`")
            });
        }
    }
}

fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words = [
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "TOKEN",
        "APIKEY",
        "API_KEY",
        "PRIVATE_KEY",
        "ACCESS_KEY",
        "CREDENTIALS",
    ];
    let ends = ["_FILE", "_PATH", "_DIR", "_NAME", "_URL"];
    words.iter().any(|word| name.contains(word)) && !ends.iter().any(|end| name.ends_with(end))
}

fn could_be_a_secret(value: &str) -> bool {
    !value.is_empty()
        && !value.starts_with(['/', '$'])
        && !["true", "false", "yes", "no"].contains(&value.to_ascii_lowercase().as_str())
        && value.parse::<f64>().is_err()
}

pub(super) const ROOT_FORBIDDEN: Rule = Rule {
    code: "RCG337",
    name: "root-forbidden",
    severity: Severity::Error,
    title: "the pods should run as root, which their `runAsNonRoot` forbids",
    story: "\
`spec.pod.securityContext` is merged over a default that has `runAsNonRoot: true`. With `runAsUser: 0` beside it the kubelet does not start the containers: `container's runAsUser breaks non-root policy`. The official images run their server as user 999, whom the files on the volume belong to; \
root would leave files that this user cannot read later. Remove `runAsUser`, write the number of another user, or, where the cluster assigns users itself, as OpenShift does, `null`.",
    check: Some(root_forbidden),
};

fn root_forbidden(facts: &Facts<'_>, found: &mut Findings) {
    let Some(security) = facts.spec.pod.security_context.as_ref() else { return };
    let is = |field: &str, value: Value| security.raw.get(field) == Some(&value);
    let allowed = security.raw.get("runAsNonRoot").is_some_and(|value| *value != Value::Bool(true));
    if is("runAsUser", Value::from(0)) && !allowed {
        found.push(|| {
            Finding::at(join(SECURITY, "runAsUser"), "`runAsUser: 0` is root, and `runAsNonRoot` is true: the kubelet does not start the pods")
                .label("root")
                .related(join(SECURITY, "runAsNonRoot"), "not root")
                .help("remove `runAsUser`: the default is 999, the user of the official images; on OpenShift write `null`")
        });
    }
}

pub(super) const CONTAINER_NOT_PINNED: Rule = Rule {
    code: "RCG338",
    name: "container-not-pinned",
    severity: Severity::Warning,
    title: "the image of a sidecar or init container has no tag, or one that moves",
    story: "\
An image without a tag is `latest`, and `latest` is another image tomorrow: two pods of one cluster then run different sidecars, and a restart can be an upgrade that nobody decided. Write a version as tag, or a digest.",
    check: Some(container_not_pinned),
};

fn container_not_pinned(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, container) in all_containers(facts) {
        let image = container.image.as_deref().unwrap_or_default();
        // A colon before the last slash belongs to the registry's port.
        let last = image.rsplit('/').next().unwrap_or_default();
        let what = match last.split_once(':') {
            _ if image.is_empty() || image.contains('@') => continue,
            None => "has neither tag nor digest",
            Some((_, "latest")) => "has a tag that moves",
            Some(_) => continue,
        };
        found.push(|| {
            Finding::at(
                join(&pointer, "image"),
                format!("the image `{image}` of the container `{}` {what}", container.name),
            )
            .label("another image tomorrow")
            .help("write a version as tag, or a digest")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{could_be_a_secret, names_a_secret};

    #[test]
    fn what_looks_like_a_secret() {
        for name in ["REDIS_PASSWORD", "exporter_passwd", "API_TOKEN", "AWS_SECRET_ACCESS_KEY"] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in ["PASSWORD_FILE", "SECRET_NAME", "TOKEN_URL", "LOG_LEVEL", "KEYSPACE"] {
            assert!(!names_a_secret(name), "{name}");
        }
        for value in ["", "/etc/token", "$(TOKEN)", "true", "300"] {
            assert!(!could_be_a_secret(value), "{value}");
        }
        assert!(could_be_a_secret("correct horse"));
    }
}
