//! Additions to the pods: variables, volumes, containers, and what they may do.

use k8s_openapi::api::core::v1::{Container, SecurityContext};
use serde_json::Value;

use super::{
    super::{
        kube::Kube,
        suggest::closest,
        written::{join, last, path},
    },
    Facts, Finding, Rule, grammar, understood,
};
use crate::{error::Severity, plan::names};

const ENV: &str = "/spec/pod/env";
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
    "ENGINE",
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

/// The user's containers that could be decoded: sidecars, then init containers.
fn containers<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (String, &'a Container)> {
    let pod = &facts.spec.pod;
    understood(SIDECARS, &pod.sidecars).chain(understood(INIT, &pod.init_containers))
}

pub(super) const OWNED_VARIABLE: Rule = Rule {
    code: "RCG321",
    name: "owned-variable",
    severity: Severity::Error,
    title: "an environment variable is one that the scripts read",
    story: "\
The scripts of the pods are told by environment variables what they need: the pod's name and addresses, the ports, the engine. The last definition of a variable wins, so one of the same name would replace it, and a pod would \
announce a wrong address or listen on a wrong port. Choose another name.",
    check: Some(owned_variable),
};

fn owned_variable(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (pointer, variable) in understood(ENV, &facts.spec.pod.env) {
        if OWN_VARIABLES.contains(&variable.name.as_str()) {
            let finding = Finding::at(
                join(&pointer, "name"),
                format!("the variable `{}` is read by the pods' scripts", variable.name),
            )
            .label("has an owner");
            found.push(match variable.name.as_str() {
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

fn variable_name(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (pointer, variable) in understood(ENV, &facts.spec.pod.env) {
        let name = &variable.name;
        let fine = |char: char| char.is_ascii_alphanumeric() || char == '_';
        if name.is_empty() {
            found.push(
                Finding::lacking(pointer, "an environment variable has no name")
                    .label("no `name`")
                    .help("write `name:` and `value:`"),
            );
        } else if !name.chars().all(fine) || name.starts_with(|char: char| char.is_ascii_digit()) {
            let plain: String =
                name.chars().map(|char| if fine(char) { char } else { '_' }).collect();
            let finding = Finding::at(
                join(&pointer, "name"),
                format!("`{name}` is not the name of a variable"),
            );
            found.push(match plain.starts_with(|char: char| char.is_ascii_digit()) {
                true => finding.help("begin it with a letter"),
                false => finding.help(format!("write for example `{plain}`")),
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

fn duplicate_name(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let pod = &facts.spec.pod;
    let env = understood(ENV, &pod.env)
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

fn twice<'a>(names: impl Iterator<Item = (String, &'a str)>, what: &str, found: &mut Vec<Finding>) {
    let mut seen = std::collections::BTreeMap::new();
    for (pointer, name) in names.filter(|(_, name)| !name.is_empty()) {
        match seen.get(name) {
            Some(first) => found.push(
                Finding::at(pointer, format!("the {what} `{name}` is there twice"))
                    .label("again")
                    .related(String::clone(first), "first here")
                    .help(match what {
                        "mount" => "choose another path, or remove one of the two".to_owned(),
                        _ => "choose another name, or remove one of the two".to_owned(),
                    }),
            ),
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
The pods have the volumes `conf` (configuration and scripts), `data` (the database) and `tmp`. Another volume needs another name; to mount one of these in a sidecar, name it in the sidecar's `volumeMounts`, without an item under `spec.pod.volumes`. How large `data` is, is said under \
`spec.storage`.",
    check: Some(owned_volume),
};

fn owned_volume(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (pointer, volume) in understood(VOLUMES, &facts.spec.pod.volumes) {
        if [names::CONF.0, names::DATA.0, names::TMP.0].contains(&volume.name.as_str()) {
            let finding = Finding::at(
                join(&pointer, "name"),
                format!("the pods have a volume `{}` of their own", volume.name),
            )
            .label("has an owner");
            found.push(match volume.name == names::DATA.0 {
                true => finding
                    .help("write what it should be under `spec.storage`, or choose another name"),
                false => finding.help("choose another name"),
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

fn item_name(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let volumes = understood(VOLUMES, &facts.spec.pod.volumes)
        .map(|(pointer, item)| (pointer, "volume", item.name.as_str()));
    let containers =
        containers(facts).map(|(pointer, item)| (pointer, "container", item.name.as_str()));
    for (pointer, what, name) in volumes.chain(containers) {
        if name.is_empty() {
            found.push(
                Finding::lacking(pointer, format!("a {what} has no name"))
                    .label("no `name`")
                    .help("write `name:` and a name of small letters, digits and `-`"),
            );
        } else if let Some(why) = grammar::dns_label(name) {
            let finding =
                Finding::at(join(&pointer, "name"), format!("the {what}'s name `{name}` {why}"));
            found.push(match grammar::as_dns_label(name, 63) {
                Some(label) => finding.help(format!("write for example `name: {label}`")),
                None => finding.help("write a name of small letters, digits and `-`"),
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
The server's container has its configuration and scripts in `/conf`, its data in `/data`, and `/tmp` for short-lived files. A mount at one of them, or above it, hides what is there; one below it adds files that the guards against data loss take for the server's. \
Choose another directory, such as `/etc/NAME`.",
    check: Some(owned_mount),
};

fn owned_mount(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (pointer, mount) in understood(MOUNTS, &facts.spec.pod.volume_mounts) {
        let place = mount.mount_path.trim_end_matches('/');
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if mount.mount_path.is_empty() {
            found.push(
                Finding::lacking(pointer, "a mount has no path")
                    .label("no `mountPath`")
                    .help("write `mountPath:` and a directory, such as `/etc/extra`"),
            );
        } else if !mount.mount_path.starts_with('/') {
            found.push(
                Finding::at(
                    join(&pointer, "mountPath"),
                    format!("the mount's path `{}` does not begin with `/`", mount.mount_path),
                )
                .help(format!("write `mountPath: /{}`", mount.mount_path)),
            );
        } else if let Some(own) = [names::CONF.1, names::DATA.1, names::TMP.1]
            .into_iter()
            .find(|own| within(place, own) || within(own, place))
        {
            found.push(
                Finding::at(
                    join(&pointer, "mountPath"),
                    format!("a mount at `{}` covers `{own}`", mount.mount_path),
                )
                .label("has an owner")
                .help("choose another directory, such as `/etc/extra`"),
            );
        }
    }
}

pub(super) const UNKNOWN_VOLUME: Rule = Rule {
    code: "RCG327",
    name: "unknown-volume",
    severity: Severity::Error,
    title: "a mount names a volume that there is not",
    story: "\
A mount names a volume of the pod: one under `spec.pod.volumes`, or one of the pods' own, `conf`, `data` and `tmp`. With another name the API server refuses the pods.",
    check: Some(unknown_volume),
};

fn unknown_volume(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let pod = &facts.spec.pod;
    // A volume that could not be decoded may be the one that is meant.
    if understood(VOLUMES, &pod.volumes).count() < pod.volumes.len() {
        return;
    }
    let mut volumes: Vec<&str> = vec![names::CONF.0, names::DATA.0, names::TMP.0];
    volumes.extend(pod.volumes.iter().map(|volume| volume.typed.name.as_str()));
    let server = understood(MOUNTS, &pod.volume_mounts);
    let others = containers(facts).flat_map(|(pointer, container)| {
        let mounts = container.volume_mounts.iter().flatten().enumerate();
        mounts.map(move |(index, mount)| (join(&join(&pointer, "volumeMounts"), index), mount))
    });
    for (pointer, mount) in server.chain(others) {
        if volumes.contains(&mount.name.as_str()) {
            continue;
        }
        if mount.name.is_empty() {
            found.push(
                Finding::lacking(pointer, "a mount names no volume")
                    .label("no `name`")
                    .help("write `name:` and the name of a volume"),
            );
            continue;
        }
        let finding =
            Finding::at(join(&pointer, "name"), format!("there is no volume `{}`", mount.name))
                .needs(VOLUMES);
        found.push(match closest(&mount.name, volumes.iter().copied()) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None => finding
                .help(format!("add it under `spec.pod.volumes`, with `name: {}`", mount.name)),
        });
    }
}

pub(super) const OWNED_CONTAINER: Rule = Rule {
    code: "RCG328",
    name: "owned-container",
    severity: Severity::Error,
    title: "a container has the name of the server's",
    story: "\
The container that runs the server is called `redis`, whichever engine it is, so that `kubectl logs -c redis` works for all clusters. A sidecar or an init container needs another name. To change the server's container, use `spec.patches`.",
    check: Some(owned_container),
};

fn owned_container(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (pointer, container) in containers(facts) {
        if container.name == names::SERVER_CONTAINER {
            found.push(
                Finding::at(
                    join(&pointer, "name"),
                    format!("`{}` is the server's container", names::SERVER_CONTAINER),
                )
                .label("has an owner")
                .help("choose another name; to change the server's container use `spec.patches`"),
            );
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

fn no_image(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (pointer, container) in containers(facts) {
        if container.image.as_deref().unwrap_or_default().is_empty() {
            found.push(
                Finding::lacking(
                    pointer,
                    format!("the container `{}` has no image", container.name),
                )
                .label("no `image`")
                .help("write `image:` and a name with a tag or digest"),
            );
        }
    }
}

pub(super) const PORT_TAKEN: Rule = Rule {
    code: "RCG330",
    name: "port-taken",
    severity: Severity::Error,
    title: "a sidecar listens on a port of the server",
    story: "\
The containers of a pod share its network, so two of them cannot listen on one port: the one that starts last fails. The server has `spec.network.clientPort` and `spec.network.busPort`.",
    check: Some(port_taken),
};

fn port_taken(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let network = &facts.spec.network;
    for (pointer, container) in understood(SIDECARS, &facts.spec.pod.sidecars) {
        for (index, port) in container.ports.iter().flatten().enumerate() {
            let number = u32::try_from(port.container_port).ok();
            let (what, field) = if number == Some(network.client_port) {
                ("client port", "/spec/network/clientPort")
            } else if number.is_some() && number == network.bus_port {
                ("bus port", "/spec/network/busPort")
            } else {
                continue;
            };
            found.push(
                Finding::at(
                    format!("{pointer}/ports/{index}/containerPort"),
                    format!("the port {} is the server's {what}", port.container_port),
                )
                .label("taken")
                .related(field, "by the server")
                .help("let the sidecar listen on another port, or give the server another one"),
            );
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

fn host_access(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (pointer, volume) in understood(VOLUMES, &facts.spec.pod.volumes) {
        if let Some(host) = &volume.host_path {
            found.push(
                Finding::at_key(join(&pointer, "hostPath"), format!("the volume `{}` is the directory `{}` of the node", volume.name, host.path))
                    .label("shared with the node")
                    .note("namespaces with the Pod Security Standard `baseline` or `restricted` refuse it")
                    .help("use a ConfigMap, a Secret, an `emptyDir` or a volume claim"),
            );
        }
    }
    for (pointer, container) in containers(facts) {
        for (index, port) in container.ports.iter().flatten().enumerate() {
            if let Some(host) = port.host_port.filter(|port| *port != 0) {
                found.push(
                    Finding::at(format!("{pointer}/ports/{index}/hostPort"), format!("the container `{}` takes port {host} of its node", container.name))
                        .label("one pod for each node")
                        .note("namespaces with the Pod Security Standard `baseline` or `restricted` refuse it")
                        .help("remove `hostPort`: pods have addresses of their own"),
                );
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

fn not_restricted(facts: &Facts<'_>, found: &mut Vec<Finding>) {
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
            (raw("runAsUser") == Some(&Value::from(0)), "runAsUser", "the pods run as root"),
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
                found.push(
                    Finding::at(
                        join(SECURITY, field),
                        format!("{what}: the Pod Security Standard `restricted` refuses the pods"),
                    )
                    .help(format!("remove `{field}`: the default is fit for `restricted`")),
                );
            }
        }
    }
    for (pointer, container) in containers(facts) {
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
        found.push(
            Finding::at_key(
                at,
                format!(
                    "the container `{}` does not meet the Pod Security Standard `restricted`",
                    container.name
                ),
            )
            .note("namespaces that enforce it refuse all pods of the cluster")
            .help(format!("write under its `securityContext`: {}", missing.join(", "))),
        );
    }
}

fn is_understood<T>(kube: &Kube<T>) -> bool {
    kube.mistakes.iter().all(|mistake| mistake.reason.is_none())
}

pub(super) const KUBERNETES_FIELD: Rule = Rule {
    code: "RCG333",
    name: "kubernetes-field",
    severity: Severity::Error,
    title: "Kubernetes does not know a field",
    story: "\
Parts of a spec are Kubernetes' own types: containers, volumes, tolerations, affinity. They are read as Kubernetes 1.33, the oldest that is supported, defines them. A field that it does not know would be dropped by the API server without a word, or refused, as the \
tool that applies chooses.",
    check: Some(kubernetes_field),
};

pub(super) const KUBERNETES_VALUE: Rule = Rule {
    code: "RCG334",
    name: "kubernetes-value",
    severity: Severity::Error,
    title: "a value is none that Kubernetes can read",
    story: "\
Parts of a spec are Kubernetes' own types, and a value in one of them is of another type than Kubernetes has there, or a required field is missing. Frequent ones: the value of an environment variable must be text, so numbers and `true` need quotes; \
`command` and `args` are lists of texts; a port is a number.",
    check: Some(kubernetes_value),
};

/// What Kubernetes did not understand: a pointer, and why, when it is not just unknown.
fn mistakes<'a>(facts: &Facts<'a>) -> Vec<(String, Option<&'a str>, &'a Value)> {
    fn of<'a, T>(
        pointer: &str,
        kube: &'a Kube<T>,
        all: &mut Vec<(String, Option<&'a str>, &'a Value)>,
    ) {
        all.extend(kube.mistakes.iter().map(|mistake| {
            (format!("{pointer}{}", mistake.pointer), mistake.reason.as_deref(), &kube.raw)
        }));
    }
    fn of_all<'a, T>(
        pointer: &str,
        kubes: &'a [Kube<T>],
        all: &mut Vec<(String, Option<&'a str>, &'a Value)>,
    ) {
        kubes.iter().enumerate().for_each(|(index, kube)| of(&join(pointer, index), kube, all));
    }
    let (pod, policy) = (&facts.spec.pod, &facts.spec.network.network_policy);
    let mut all = Vec::new();
    of_all("/spec/network/networkPolicy/clients", &policy.clients, &mut all);
    of_all("/spec/network/networkPolicy/ingress", &policy.ingress, &mut all);
    pod.security_context.iter().for_each(|kube| of(SECURITY, kube, &mut all));
    of_all("/spec/pod/tolerations", &pod.tolerations, &mut all);
    pod.affinity.iter().for_each(|kube| of("/spec/pod/affinity", kube, &mut all));
    of_all(ENV, &pod.env, &mut all);
    of_all("/spec/pod/envFrom", &pod.env_from, &mut all);
    of_all(VOLUMES, &pod.volumes, &mut all);
    of_all(MOUNTS, &pod.volume_mounts, &mut all);
    of_all(SIDECARS, &pod.sidecars, &mut all);
    of_all(INIT, &pod.init_containers, &mut all);
    all
}

fn kubernetes_field(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    found.extend(unknown_fields(facts).map(unknown_kubernetes_field));
}

/// The pointers of the fields that Kubernetes does not know.
pub(super) fn unknown_fields(facts: &Facts<'_>) -> impl Iterator<Item = String> {
    mistakes(facts)
        .into_iter()
        .filter(|(_, reason, _)| reason.is_none())
        .map(|(pointer, ..)| pointer)
}

/// The finding about a field that Kubernetes does not know.
pub(super) fn unknown_kubernetes_field(pointer: String) -> Finding {
    let field = last(&pointer);
    let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    let finding = Finding::at_key(
        &pointer,
        format!("Kubernetes knows no field `{field}` in `{}`", path(parent)),
    )
    .label("unknown");
    match closest(&field, KUBERNETES_FIELDS.iter().copied()) {
        Some(meant) if meant != field => finding.help(format!("did you mean `{meant}`?")),
        _ => finding.help("remove it, or look it up with `kubectl explain`; the output is for Kubernetes 1.33 and up"),
    }
}

fn kubernetes_value(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (pointer, reason, raw) in mistakes(facts) {
        let Some(reason) = reason else { continue };
        // The decoder does not say where; what is found by its look is shown.
        let at = format!("{pointer}{}", culprit(raw, reason).unwrap_or_default());
        let message = format!("Kubernetes cannot read `{}`: {}", path(&at), plain_reason(reason));
        let finding = Finding::at(at, message);
        found.push(match reason.split_once("expected ").map_or("", |(_, expected)| expected) {
            "a string" => finding.help("put the value in quotes"),
            "a sequence" => finding.help("write a list, with `- ` before each item"),
            _ => finding.help("look the field up with `kubectl explain`"),
        });
    }
}

/// A decoder's reason, such as ``invalid type: integer `5`, expected a string``, in the words of somebody who writes YAML.
pub(super) fn plain_reason(reason: &str) -> String {
    let Some((got, expected)) =
        reason.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    else {
        return reason.to_owned();
    };
    let got = match got.split_once(' ') {
        Some(("integer" | "floating", rest)) => {
            format!("the number {}", rest.trim_start_matches("point "))
        }
        Some(("boolean", rest)) => rest.to_owned(),
        Some(("string", rest)) => format!("the text `{}`", rest.trim_matches('"')),
        _ if got == "sequence" => "a list".to_owned(),
        _ if got == "map" => "a mapping".to_owned(),
        _ if got == "null" => "nothing".to_owned(),
        _ => got.to_owned(),
    };
    let expected = match expected {
        "a string" => "text",
        "a sequence" => "a list",
        "a boolean" => "`true` or `false`",
        "i32" | "i64" | "u32" | "u64" => "a whole number",
        "IntOrString" => "a number or text",
        _ if expected == "a map" || expected.starts_with("struct ") => "a mapping",
        _ => expected,
    };
    format!("{got} is written where {expected} belongs")
}

/// The pointer of the only value that a decoder's reason is about.
fn culprit(raw: &Value, reason: &str) -> Option<String> {
    fn walk(value: &Value, pointer: &str, shown: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                fields
                    .iter()
                    .for_each(|(key, value)| walk(value, &join(pointer, key), shown, found));
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &join(pointer, index), shown, found);
                }
            }
            scalar if scalar == shown => found.push(pointer.to_owned()),
            _ => {}
        }
    }
    let got = reason.strip_prefix("invalid type: ")?.split_once(", expected ")?.0;
    let shown = match got.split_once(' ')? {
        ("string", text) => text,
        (_, rest) => rest.split_once('`')?.1.strip_suffix('`')?,
    };
    let shown = serde_json::from_str(shown).ok()?;
    let mut found = Vec::new();
    walk(raw, "", &shown, &mut found);
    match found.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// Fields of the types that a spec takes from Kubernetes, for "did you mean".
const KUBERNETES_FIELDS: &[&str] = &[
    "accessModes",
    "activeDeadlineSeconds",
    "add",
    "affinity",
    "allowPrivilegeEscalation",
    "annotations",
    "appProtocol",
    "args",
    "automountServiceAccountToken",
    "backoffLimit",
    "binaryData",
    "capabilities",
    "cidr",
    "claimName",
    "clusterIP",
    "command",
    "completions",
    "configMap",
    "configMapKeyRef",
    "configMapRef",
    "containerPort",
    "containers",
    "csi",
    "data",
    "dataSource",
    "dataSourceRef",
    "defaultMode",
    "dnsConfig",
    "dnsPolicy",
    "downwardAPI",
    "drop",
    "effect",
    "egress",
    "emptyDir",
    "enableServiceLinks",
    "env",
    "envFrom",
    "ephemeral",
    "except",
    "exec",
    "externalTrafficPolicy",
    "failureThreshold",
    "fieldPath",
    "fieldRef",
    "from",
    "fsGroup",
    "fsGroupChangePolicy",
    "grpc",
    "hostAliases",
    "hostNetwork",
    "hostPID",
    "hostPath",
    "hostPort",
    "httpGet",
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "immutable",
    "ingress",
    "initContainers",
    "initialDelaySeconds",
    "internalTrafficPolicy",
    "ipBlock",
    "ipFamilies",
    "ipFamilyPolicy",
    "items",
    "key",
    "labelSelector",
    "labels",
    "lifecycle",
    "limits",
    "livenessProbe",
    "loadBalancerClass",
    "matchExpressions",
    "matchLabels",
    "maxSkew",
    "maxUnavailable",
    "medium",
    "metadata",
    "minAvailable",
    "minDomains",
    "minReadySeconds",
    "mountPath",
    "mountPropagation",
    "name",
    "namespaceSelector",
    "namespaces",
    "nodeAffinity",
    "nodeName",
    "nodePort",
    "nodeSelector",
    "nodeSelectorTerms",
    "operator",
    "optional",
    "overhead",
    "parallelism",
    "path",
    "periodSeconds",
    "persistentVolumeClaim",
    "persistentVolumeClaimRetentionPolicy",
    "podAffinity",
    "podAffinityTerm",
    "podAntiAffinity",
    "podFailurePolicy",
    "podSelector",
    "policyTypes",
    "port",
    "ports",
    "postStart",
    "preStop",
    "preference",
    "preferredDuringSchedulingIgnoredDuringExecution",
    "prefix",
    "priorityClassName",
    "privileged",
    "projected",
    "protocol",
    "publishNotReadyAddresses",
    "readOnly",
    "readOnlyRootFilesystem",
    "readinessProbe",
    "requests",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "resourceFieldRef",
    "resources",
    "restartPolicy",
    "revisionHistoryLimit",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "runtimeClassName",
    "schedulerName",
    "seccompProfile",
    "secret",
    "secretKeyRef",
    "secretName",
    "secretRef",
    "securityContext",
    "selector",
    "serviceAccountName",
    "sessionAffinity",
    "shareProcessNamespace",
    "sizeLimit",
    "sources",
    "spec",
    "startupProbe",
    "stdin",
    "storageClassName",
    "subPath",
    "subPathExpr",
    "supplementalGroups",
    "suspend",
    "sysctls",
    "targetPort",
    "tcpSocket",
    "template",
    "terminationGracePeriodSeconds",
    "terminationMessagePath",
    "timeoutSeconds",
    "tolerationSeconds",
    "tolerations",
    "topologyKey",
    "topologySpreadConstraints",
    "trafficDistribution",
    "ttlSecondsAfterFinished",
    "tty",
    "type",
    "unhealthyPodEvictionPolicy",
    "updateStrategy",
    "value",
    "valueFrom",
    "values",
    "volumeAttributesClassName",
    "volumeClaimTemplates",
    "volumeDevices",
    "volumeMode",
    "volumeMounts",
    "volumeName",
    "volumes",
    "weight",
    "whenUnsatisfiable",
    "workingDir",
];

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

fn toleration(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (pointer, toleration) in understood("/spec/pod/tolerations", &facts.spec.pod.tolerations) {
        let operator = toleration.operator.as_deref().unwrap_or("Equal");
        let value = toleration.value.as_deref().unwrap_or_default();
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        if !["Equal", "Exists"].contains(&operator) {
            let finding = Finding::at(
                join(&pointer, "operator"),
                format!("a toleration's operator cannot be `{operator}`"),
            );
            found.push(match closest(operator, ["Equal", "Exists"]) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding.help("write `Equal` or `Exists`"),
            });
        } else if operator == "Exists" && !value.is_empty() {
            found.push(
                Finding::at(join(&pointer, "value"), format!("a toleration with the operator `Exists` takes no value, and `{value}` is given"))
                    .related(join(&pointer, "operator"), "any value")
                    .help("remove `value`, or write `operator: Equal`"),
            );
        } else if operator == "Equal" && toleration.key.as_deref().unwrap_or_default().is_empty() {
            found.push(
                Finding::at(
                    pointer.clone(),
                    "a toleration without a `key` needs the operator `Exists`",
                )
                .help("write `key:`, or `operator: Exists` to tolerate every taint"),
            );
        }
        if let Some(effect) = toleration
            .effect
            .as_deref()
            .filter(|effect| !effect.is_empty() && !effects.contains(effect))
        {
            let finding = Finding::at(
                join(&pointer, "effect"),
                format!("a taint's effect cannot be `{effect}`"),
            );
            found.push(match closest(effect, effects) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding.help("write `NoSchedule`, `PreferNoSchedule` or `NoExecute`"),
            });
        }
    }
}
