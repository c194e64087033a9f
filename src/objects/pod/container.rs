//! The containers: what they run, with which variables and mounts, and what they may do.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, ExecAction, Lifecycle,
    LifecycleHandler, ObjectFieldSelector, SecurityContext, VolumeMount,
};

use super::probes;
use crate::{
    plan::{ExporterPlan, Image, Plan, names},
    spec::types::PullPolicy,
    templates::{self, Script},
};

/// The container that runs the server.
pub(in crate::objects) fn server(plan: &Plan) -> Container {
    let pod = &plan.pod;
    let mut mounts = common_mounts(plan);
    mounts.push(mount(names::DATA, false));
    if watches_exporter(plan) {
        mounts.push(mount(names::EXPORTER, false));
    }
    mounts.push(mount(names::TMP, false));
    if !plan.users.is_empty() {
        mounts.push(mount(names::USERS, true));
    }
    mounts.extend(pod.volume_mounts.iter().map(|mount| mount.typed.clone()));
    let mut ports =
        vec![port(names::CLIENT_PORT, plan.client_port), port(names::BUS_PORT, plan.bus_port)];
    // All pods of a StatefulSet have the same template, and here not the same port.
    ports.retain(|port| !plan.has_own_ports() || port.name.as_deref() != Some(names::CLIENT_PORT));
    let plaintext = plan.tls.as_ref().and_then(|tls| tls.plaintext_port);
    ports.extend(plaintext.map(|number| port(names::PLAINTEXT_PORT, number)));
    let env_from: Vec<_> = pod.env_from.iter().map(|source| source.typed.clone()).collect();
    Container {
        command: Some(script(templates::ENTRYPOINT)),
        env: Some(server_env(plan)),
        env_from: (!env_from.is_empty()).then_some(env_from),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                exec: Some(ExecAction { command: Some(script(templates::PRE_STOP)) }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        liveness_probe: Some(probes::liveness(plan)),
        name: names::SERVER_CONTAINER.to_owned(),
        ports: Some(ports),
        readiness_probe: Some(probes::readiness(plan)),
        resources: Some(plan.resources.clone()),
        startup_probe: Some(probes::startup(plan)),
        volume_mounts: Some(mounts),
        ..container(&plan.image)
    }
}

/// The container that tells the server's metrics. Nothing asks whether it is ready: an exporter in trouble is no reason to send clients away from its server.
pub(super) fn exporter(plan: &Plan, exporter: &ExporterPlan) -> Container {
    let mut env = vec![
        self::env("REDIS_ADDR", address(plan)),
        self::env("REDIS_EXPORTER_WEB_LISTEN_ADDRESS", format!(":{}", exporter.port)),
    ];
    // Prometheus waits for 10 seconds: an answer after 15, the default, would say that the exporter is dead, not the server.
    env.push(self::env("REDIS_EXPORTER_CONNECTION_TIMEOUT", "5s"));
    if plan.password.is_some() {
        env.extend([
            // Not `REDIS_PASSWORD`: the exporter would send it to any server that it is asked for (`/scrape?target=`). Of the file it takes what belongs to an address.
            self::env("REDIS_PASSWORD_FILE", exporter_servers()),
            self::env("REDIS_USER", names::EXPORTER_USER),
        ]);
        if !exporter.reads_config {
            // It need not ask for what it may not know: `CONFIG GET` tells the replicas' password.
            env.push(self::env("REDIS_EXPORTER_CONFIG_COMMAND", "-"));
        }
    }
    if plan.tls.is_some() {
        let file = |name: &str| format!("{}/{name}", names::TLS.1);
        let [ca, certificate, key] = names::TLS_FILES.map(file);
        env.extend([
            // Its own server, which need not be in the certificate as `localhost`.
            self::env("REDIS_EXPORTER_SKIP_TLS_VERIFICATION", "true"),
            self::env("REDIS_EXPORTER_TLS_CA_CERT_FILE", ca),
            self::env("REDIS_EXPORTER_TLS_CLIENT_CERT_FILE", certificate),
            self::env("REDIS_EXPORTER_TLS_CLIENT_KEY_FILE", key),
        ]);
    }
    env.extend(exporter.env.iter().cloned());
    let password = plan.password.as_ref().map(|_| mount(names::EXPORTER, true));
    let tls = plan.tls.as_ref().map(|_| mount(names::TLS, true));
    let mounts: Vec<_> = password.into_iter().chain(tls).collect();
    Container {
        env: Some(env),
        liveness_probe: plan.password.as_ref().and_then(|_| probes::exporter(exporter)),
        name: names::EXPORTER_CONTAINER.to_owned(),
        ports: Some(vec![port(names::METRICS_PORT, exporter.port)]),
        resources: Some(exporter.resources.clone()),
        volume_mounts: (!mounts.is_empty()).then_some(mounts),
        ..container(&exporter.image)
    }
}

/// The init container that writes the exporter's password as it reads it, where there is one. The exporter's own image has no shell.
pub(super) fn exporter_init(plan: &Plan, exporter: &ExporterPlan) -> Option<Container> {
    plan.password.as_ref()?;
    Some(Container {
        command: Some(script(templates::EXPORTER_INIT)),
        env: Some(vec![
            env("CLUSTER", plan.names.cluster.clone()),
            env("EXPORTER_ADDRESSES", exporter_addresses(plan)),
            env("EXPORTER_FILE", exporter_servers()),
            env("PASSWORD_FILE", password_file()),
        ]),
        name: names::EXPORTER_INIT_CONTAINER.to_owned(),
        resources: Some(exporter.resources.clone()),
        volume_mounts: Some(vec![
            mount(names::AUTH, true),
            mount(names::CONF, true),
            mount(names::EXPORTER, false),
        ]),
        ..container(&plan.image)
    })
}

/// Where the exporter finds its server.
fn address(plan: &Plan) -> String {
    let scheme = if plan.tls.is_some() { "rediss" } else { "redis" };
    format!("{scheme}://localhost:{}", plan.client_port)
}

/// What the exporter looks its password up by: with the user's name, and without, which version 1.45 does.
fn exporter_addresses(plan: &Plan) -> String {
    let address = address(plan);
    let of_user = address.replace("://", &format!("://{}@", names::EXPORTER_USER));
    format!("{address} {of_user}")
}

/// Whether the server's container hands passwords to an exporter.
fn watches_exporter(plan: &Plan) -> bool {
    plan.exporter.is_some() && plan.password.is_some()
}

/// The file with the cluster's passwords.
fn password_file() -> String {
    format!("{}/{}", names::AUTH.1, names::PASSWORD_FILE)
}

fn exporter_servers() -> String {
    format!("{}/servers.json", names::EXPORTER.1)
}

/// What all containers of ours have in common: the image, and that they may do nothing but run.
pub(in crate::objects) fn container(image: &Image) -> Container {
    Container {
        image: Some(image.reference.clone()),
        image_pull_policy: Some(
            match image.pull_policy {
                PullPolicy::Always => "Always",
                PullPolicy::IfNotPresent => "IfNotPresent",
                PullPolicy::Never => "Never",
            }
            .to_owned(),
        ),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                ..Capabilities::default()
            }),
            read_only_root_filesystem: Some(true),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

fn server_env(plan: &Plan) -> Vec<EnvVar> {
    let mut env = common_env(plan);
    if watches_exporter(plan) {
        env.extend([
            self::env("EXPORTER_ADDRESSES", exporter_addresses(plan)),
            self::env("EXPORTER_FILE", exporter_servers()),
        ]);
    }
    env.push(self::env("HANDOVER_SECONDS", plan.lifecycle.handover_seconds.to_string()));
    if let Some(limit) = &plan.maxmemory_limit {
        // The ConfigMap changes at once, and the memory limit with the pod's restart.
        env.push(self::env("MAXMEMORY_LIMIT", limit.as_str()));
    }
    env.extend([
        // All of the pod's addresses: the entrypoint takes the one of its family.
        field("POD_IPS", "status.podIPs"),
        field("POD_NAME", "metadata.name"),
    ]);
    if plan.network.announce_hostnames && plan.external.is_none() {
        let hostname = format!(
            "$(POD_NAME).{}.$(POD_NAMESPACE).svc.{}",
            plan.names.headless_service(),
            plan.network.cluster_domain
        );
        env.extend([
            field("POD_NAMESPACE", "metadata.namespace"),
            self::env("ANNOUNCE_HOSTNAME", hostname),
        ]);
    }
    env.extend(plan.pod.env.iter().map(|variable| variable.typed.clone()));
    env
}

/// What all scripts read.
pub(in crate::objects) fn common_env(plan: &Plan) -> Vec<EnvVar> {
    let mut env = vec![
        self::env("BUS_PORT", plan.bus_port.to_string()),
        self::env("CLIENT_PORT", plan.client_port.to_string()),
        self::env("CLUSTER", plan.names.cluster.clone()),
        self::env("ENGINE", plan.engine.name()),
    ];
    env.extend(plan.ip_family.map(|family| self::env("IP_FAMILY", family.name())));
    if plan.password.is_some() {
        env.push(self::env("PASSWORD_FILE", password_file()));
    }
    env.extend(plan.tls.as_ref().map(|_| self::env("TLS_DIR", names::TLS.1)));
    env
}

/// What all scripts read from files.
pub(in crate::objects) fn common_mounts(plan: &Plan) -> Vec<VolumeMount> {
    let auth = plan.password.as_ref().map(|_| mount(names::AUTH, true));
    let tls = plan.tls.as_ref().map(|_| mount(names::TLS, true));
    auth.into_iter().chain([mount(names::CONF, true)]).chain(tls).collect()
}

/// A variable with a value.
pub(in crate::objects) fn env(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.into()), ..EnvVar::default() }
}

/// A variable with a field of the pod.
fn field(name: &str, path: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: path.to_owned(),
                ..ObjectFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

/// The command that runs a script of the ConfigMap.
pub(in crate::objects) fn script(script: Script) -> Vec<String> {
    vec!["/bin/sh".to_owned(), format!("{}/{}", names::CONF.1, script.name)]
}

/// The mount of one of our volumes at its place.
pub(in crate::objects) fn mount((name, path): (&str, &str), read_only: bool) -> VolumeMount {
    VolumeMount {
        mount_path: path.to_owned(),
        name: name.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

fn port(name: &str, port: u16) -> ContainerPort {
    ContainerPort {
        container_port: port.into(),
        name: Some(name.to_owned()),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}
