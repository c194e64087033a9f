//! The files that the pods run with: templates with their inputs listed, and scripts as they are.

use std::sync::LazyLock;

use minijinja::{
    Environment, UndefinedBehavior,
    syntax::SyntaxConfig,
    value::{Serde, Value},
};
use serde::Serialize;

/// A file of the ConfigMap that is the same for every cluster: its name there, and its text.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// The key in the ConfigMap, and the file's name below `/conf`.
    pub name: &'static str,
    /// The text.
    pub text: &'static str,
}

macro_rules! script {
    ($name:literal) => {
        Script { name: $name, text: include_str!(concat!("../templates/", $name)) }
    };
}

/// What the others share.
pub const LIB: Script = script!("lib.sh");
/// Starts the server when that is safe, and `heal.sh` beside it.
pub const ENTRYPOINT: Script = script!("entrypoint.sh");
/// Creates the cluster and lets new pods join it.
pub const BOOTSTRAP: Script = script!("bootstrap.sh");
/// What `bootstrap.sh` does next, decided from the answers of all pods.
pub const CONVERGE: Script = script!("converge.awk");
/// Moves slots. Part of `BOOTSTRAP`.
pub const MOVE: Script = script!("move.sh");
/// Runs beside the server: tells it where its peers are and applies `live.conf`.
pub const HEAL: Script = script!("heal.sh");
/// Writes the password as the exporter reads it.
pub const EXPORTER_INIT: Script = script!("exporter.sh");
/// Copies the data of all shards.
pub const BACKUP: Script = script!("backup.sh");
/// Fills the cluster with a backup.
pub const RESTORE: Script = script!("restore.sh");
/// The startup probe.
pub const STARTUP: Script = script!("startup.sh");
/// The readiness probe.
pub const READINESS: Script = script!("readiness.sh");
/// The liveness probe.
pub const LIVENESS: Script = script!("liveness.sh");
/// Hands a master's shard over before it stops.
pub const PRE_STOP: Script = script!("pre-stop.sh");

/// The inputs of `redis.conf`.
#[derive(Debug, Serialize)]
pub struct RedisConf<'a> {
    /// The first line.
    pub title: &'a str,
    /// The port for clients.
    pub client_port: u32,
    /// The port of the cluster bus.
    pub bus_port: u32,
    /// Encryption, where there is any.
    pub tls: Option<TlsConf<'a>>,
    /// Whether clients are told hostnames.
    pub hostname_endpoints: bool,
    /// Whether the engine can fail over by itself when it is told to stop.
    pub failover_on_sigterm: bool,
    /// Whether there is an append-only file.
    pub append_only: bool,
    /// When snapshots are taken; empty for never.
    pub snapshots: &'a str,
    /// Further directives, in order.
    pub fixed: &'a [(String, String)],
}

/// The inputs of `redis.conf` that are about encryption.
#[derive(Debug, Serialize)]
pub struct TlsConf<'a> {
    /// Where the certificate is.
    pub directory: &'a str,
    /// The port without encryption; 0 for none.
    pub plaintext_port: u32,
    /// The value of `tls-auth-clients`.
    pub client_certificates: &'a str,
}

/// `redis.conf`: what takes effect when the server starts.
pub fn redis_conf(inputs: &RedisConf<'_>) -> String {
    render("redis.conf", Value::from(Serde(inputs)))
}

/// `live.conf`: directives that can be changed while the server runs, one on each line.
pub fn live_conf(live: &[(String, String)]) -> String {
    live.iter().map(|(directive, value)| format!("{directive} {value}\n")).collect()
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()
            .unwrap_or_else(|error| unreachable!("the standard syntax: {error}")),
    );
    environment
        .add_template("redis.conf", include_str!("../templates/redis.conf.j2"))
        .unwrap_or_else(|error| unreachable!("the template is ours: {error}"));
    environment
});

fn render(name: &str, inputs: Value) -> String {
    TEMPLATES
        .get_template(name)
        .and_then(|template| template.render(inputs))
        // A template and its inputs are both ours, and tests render every branch of it.
        .unwrap_or_else(|error| unreachable!("{name}: {error}"))
}
