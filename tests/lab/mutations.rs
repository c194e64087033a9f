//! Ways to break what was rendered, each with the scenario that has to notice.

use crate::{
    objects::Objects,
    tools::{Result, bail},
};

/// One way to break a file of the ConfigMap.
pub struct Mutation {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub what: &'static str,
    /// The scenario that has to fail.
    pub scenario: &'static str,
    /// The engine that has the weakness, where not all have it.
    pub engine: Option<&'static str>,
    /// The file.
    pub file: &'static str,
    /// A text of the file, and what replaces it.
    pub change: (&'static str, &'static str),
}

/// All of them.
pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "no-heal-loop",
        what: "nobody looks for peers that have moved (R3)",
        scenario: "f7-all-new",
        engine: None,
        file: "entrypoint.sh",
        change: ("keep_healing \"$server\" &", ":"),
    },
    Mutation {
        name: "no-announced-address",
        what: "the server is not told its address (R1)",
        scenario: "f6-replica-moves",
        engine: None,
        file: "entrypoint.sh",
        change: ("--cluster-announce-ip \"$own_ip\"", ""),
    },
    Mutation {
        name: "no-outside-host",
        what: "the server is not told its host outside",
        scenario: "external-load-balancer",
        engine: None,
        file: "entrypoint.sh",
        change: ("set -- \"$@\" --cluster-announce-hostname \"$announced\"", ":"),
    },
    Mutation {
        name: "same-port-for-all",
        what: "servers listen on the client port in place of their own node port",
        scenario: "external-node-port",
        engine: None,
        file: "entrypoint.sh",
        change: ("set -- \"$@\" --port \"$port\"", ":"),
    },
    Mutation {
        name: "old-host-stays",
        what: "a changed host is not handed to the server",
        scenario: "external-load-balancer",
        engine: None,
        file: "heal.sh",
        change: ("    apply_outside_host\n", ""),
    },
    Mutation {
        name: "no-empty-master-guard",
        what: "a master without data starts at once (R4)",
        scenario: "f10-lost-data",
        engine: None,
        file: "entrypoint.sh",
        change: ("\nguard_empty_master\n", "\n"),
    },
    Mutation {
        name: "no-cache-guard",
        what: "a master without persistence starts at once (R4)",
        scenario: "f10-cache",
        engine: None,
        file: "entrypoint.sh",
        change: ("\nguard_empty_master\n", "\n"),
    },
    Mutation {
        name: "no-nodes-guard",
        what: "a broken node list is left to the server (R5)",
        scenario: "f11-deleted",
        engine: None,
        file: "entrypoint.sh",
        change: ("\nguard_nodes_file\n", "\nrestored=no\n"),
    },
    Mutation {
        name: "no-saved-nodes",
        what: "no copy of the node list is kept (R5)",
        scenario: "f11-emptied",
        engine: None,
        file: "heal.sh",
        change: ("    save_nodes_file\n", ""),
    },
    Mutation {
        name: "shard-ids-differ",
        what: "a node list is left to the server that it calls corrupted",
        scenario: "f11-shard-ids",
        engine: Some("valkey-8"),
        file: "entrypoint.sh",
        change: ("\nalign_shard_ids\n", "\n"),
    },
    Mutation {
        name: "no-predecessor-guard",
        what: "a new server starts at once at the address of a master (R34)",
        scenario: "volume-lost-master",
        engine: None,
        file: "entrypoint.sh",
        change: ("\nguard_predecessor\n", "\n"),
    },
    Mutation {
        name: "heal-loop-stays-dead",
        what: "nobody starts the heal loop again when it has died",
        scenario: "live-settings",
        engine: None,
        file: "entrypoint.sh",
        change: ("kill -0 \"$1\" 2>/dev/null\n    do", "false\n    do"),
    },
    Mutation {
        name: "failed-masters-are-not-dialled",
        what: "a replica dials its master's old address as long as the cluster calls that failed, although it is back",
        scenario: "f7-names-stale",
        engine: Some("redis-8"),
        file: "heal.sh",
        change: ("            [ \"$id\" != \"$master_id\" ] || master_ip=$ip\n", ""),
    },
    Mutation {
        name: "failed-masters-wait",
        what: "servers wait for two node timeouts until masters that are back are no longer failed",
        scenario: "f7-late-shard",
        engine: None,
        file: "heal.sh",
        change: ("    start_hurry\n", ""),
    },
    Mutation {
        name: "hurry-stays",
        what: "the node timeout stays short when the hurry is over",
        scenario: "f7-late-shard",
        engine: None,
        file: "heal.sh",
        change: ("set_node_timeout \"$usual\" && ", ""),
    },
    Mutation {
        name: "old-certificate-stays",
        what: "a renewed certificate is not handed to the server",
        scenario: "tls-renewal",
        engine: None,
        file: "heal.sh",
        change: ("    apply_certificates\n", ""),
    },
    Mutation {
        name: "old-passwords-stay",
        what: "changed passwords are not handed to the server",
        scenario: "password-rotation",
        engine: None,
        file: "heal.sh",
        change: ("    apply_users\n", ""),
    },
    Mutation {
        name: "old-rules-stay",
        what: "changed users are not handed to the server",
        scenario: "users-change",
        engine: None,
        file: "heal.sh",
        change: ("    apply_users\n", ""),
    },
    Mutation {
        name: "probes-may-anything",
        what: "a user of our own has more rights than it needs",
        scenario: "f18-users",
        engine: None,
        file: "users",
        change: ("_probe derived on ", "_probe derived on ~* +@all "),
    },
    Mutation {
        name: "users-may-anything",
        what: "a user's rules are not those of the spec",
        scenario: "f18-users",
        engine: None,
        file: "lib.sh",
        change: ("print user \" \" $0 hashes", "print user \" \" $0 \" ~* +@all\" hashes"),
    },
    Mutation {
        name: "probes-ask-for-more",
        what: "a script does what its user may not",
        scenario: "f18-users",
        engine: None,
        file: "readiness.sh",
        change: ("'PING\\nINFO replication\\n", "'PING\\nDBSIZE\\nINFO replication\\n"),
    },
    Mutation {
        name: "one-login-for-masters",
        what: "a replica knows only its own user, and not that of an older master",
        scenario: "users-upgrade",
        engine: None,
        file: "heal.sh",
        change: ("    mend_login\n", ""),
    },
    Mutation {
        name: "exporter-keeps-password",
        what: "the exporter is not handed a changed password",
        scenario: "exporter-rotation",
        engine: None,
        file: "heal.sh",
        change: ("    write_exporter_password \"$ACCEPTED\"\n", ""),
    },
    Mutation {
        name: "password-in-environment",
        what: "what the scripts start is handed the password",
        scenario: "f1-bootstrap",
        engine: None,
        file: "lib.sh",
        change: (
            "            SECRET=$secret\n",
            "            SECRET=$secret\n            export SECRET\n",
        ),
    },
    Mutation {
        name: "password-in-arguments",
        what: "the password is on the command line of redis-cli",
        scenario: "f1-bootstrap",
        engine: None,
        file: "lib.sh",
        change: (
            "exec \"$ENGINE-cli\" $LOGIN \"$@\"",
            "exec \"$ENGINE-cli\" $LOGIN --no-auth-warning -a \"$SECRET\" \"$@\"",
        ),
    },
    Mutation {
        name: "password-in-log",
        what: "a script says the password",
        scenario: "f1-bootstrap",
        engine: None,
        file: "heal.sh",
        change: (
            "    load_password\n    look",
            "    load_password\n    say \"$password\"\n    look",
        ),
    },
    Mutation {
        name: "stale-link-stays",
        what: "a replica that dials its master's old address is left to itself (R37)",
        scenario: "network-stale-link",
        engine: None,
        file: "heal.sh",
        change: ("    mend_stale_link\n", ""),
    },
    Mutation {
        name: "not-executed",
        what: "the server is not the first process and never hears that it is to stop (R6)",
        scenario: "f12-handover",
        engine: None,
        file: "entrypoint.sh",
        change: ("exec \"$ENGINE-server\"", "\"$ENGINE-server\""),
    },
    Mutation {
        name: "meet-anybody",
        what: "the heal loop meets whoever answers under a peer's name (R3)",
        scenario: "f9-foreign-name",
        engine: None,
        file: "heal.sh",
        change: ("printf 'strange %s", "printf 'moved %s"),
    },
    Mutation {
        name: "heal-without-bus-port",
        what: "the heal loop's MEET lacks its third argument (R7)",
        scenario: "f7-all-new",
        engine: None,
        file: "heal.sh",
        change: ("\"$port\" \"$BUS_PORT\" >/dev/null", "\"$port\" >/dev/null"),
    },
    Mutation {
        name: "join-without-bus-port",
        what: "the Job's MEET lacks its third argument (R7)",
        scenario: "f1-bootstrap",
        engine: None,
        file: "bootstrap.sh",
        change: ("\"$port\" \"$BUS_PORT\"", "\"$port\""),
    },
    Mutation {
        name: "replicas-migrate",
        what: "replicas may move to another shard (R8)",
        scenario: "f19-replicas-die",
        engine: None,
        file: "live.conf",
        change: ("cluster-allow-replica-migration no", "cluster-allow-replica-migration yes"),
    },
    Mutation {
        name: "no-append-only-file",
        what: "nothing is written to the disk (R10)",
        scenario: "f7-all-new",
        engine: None,
        file: "redis.conf",
        change: ("appendonly yes", "appendonly no"),
    },
    Mutation {
        name: "same-server-twice",
        what: "the Job does not see that two names lead to one pod (R18)",
        scenario: "f5-refusals",
        engine: None,
        file: "converge.awk",
        change: ("if (names_collide() || strangers_are_known()", "if (strangers_are_known()"),
    },
    Mutation {
        name: "strangers-welcome",
        what: "the Job does not see that a pod belongs to another cluster (R18)",
        scenario: "f5-refusals",
        engine: None,
        file: "converge.awk",
        change: ("|| strangers_are_known() ||", "||"),
    },
    Mutation {
        name: "cover-lost-slots",
        what: "the Job gives lost slots to whoever is there (R18)",
        scenario: "f5-refusals",
        engine: None,
        file: "converge.awk",
        change: ("if (slots_are_lost()) exit", ""),
    },
    Mutation {
        name: "done-too-early",
        what: "the Job is done before all views agree and all links are up (R20)",
        scenario: "f1-bootstrap",
        engine: None,
        file: "converge.awk",
        change: (
            "if (all_claimed() && attach_replicas(1)) exit",
            "if (all_claimed()) { attach_replicas(1); print \"done\"; exit }",
        ),
    },
    Mutation {
        name: "slots-without-keys",
        what: "the Job hands slots over before their keys have moved",
        scenario: "f14-one-shard",
        engine: Some("redis-7.0"),
        file: "move.sh",
        change: ("move_keys && is_empty && is_given", "is_given"),
    },
    Mutation {
        name: "half-moved-slots-stay",
        what: "the Job leaves slots that are half moved (R30)",
        scenario: "f14-one-shard",
        engine: Some("redis-7.0"),
        file: "converge.awk",
        change: ("if (finish_slots() || bring_together()", "if (bring_together()"),
    },
    Mutation {
        name: "copies-stay",
        what: "a master that was elected in a move, and has copies of keys alone, is left as it is",
        scenario: "f15-half-heard",
        engine: Some("redis-7.0"),
        file: "converge.awk",
        change: ("|| bring_together() ", ""),
    },
    Mutation {
        name: "retired-not-forgotten",
        what: "pods that retire leave, and nobody forgets them (R32)",
        scenario: "f14-one-shard",
        engine: Some("redis-7.0"),
        file: "bootstrap.sh",
        change: ("step \"$1 forgets $retired\" \"$2\" CLUSTER FORGET \"$retired_id\"", ":"),
    },
    Mutation {
        name: "retired-stay-ready",
        what: "pods that have left the cluster are offered to clients",
        scenario: "f14-one-shard",
        engine: Some("redis-7.0"),
        file: "readiness.sh",
        change: ("if is_retiring; then", "if false; then"),
    },
    Mutation {
        name: "files-keep-what-left",
        what: "what has left the cluster does not write down that it is empty",
        scenario: "f14-again",
        engine: Some("redis-7.0"),
        file: "bootstrap.sh",
        change: ("left) left \"$@\" ;;", "left) ;;"),
    },
    Mutation {
        name: "old-volumes-are-ready",
        what: "a pod with slots that knows no other pod is offered to clients",
        scenario: "f14-old-volumes",
        engine: Some("redis-7.0"),
        file: "readiness.sh",
        change: ("*cluster_slots_assigned:0[!0-9]*) ;;", "*) ;;"),
    },
    Mutation {
        name: "retiring-masters-stay",
        what: "masters that retire do not hand over (R33)",
        scenario: "f14-replicas",
        engine: Some("redis-7.0"),
        file: "converge.awk",
        change: (" || hand_over()", ""),
    },
    Mutation {
        name: "not-ready-counts",
        what: "readiness takes any answer for PONG (R25)",
        scenario: "f16-probes",
        engine: None,
        file: "readiness.sh",
        change: ("PONG*) ;;", "?*) ;;"),
    },
    Mutation {
        name: "link-does-not-count",
        what: "readiness does not look at a replica's link (R25)",
        scenario: "f16-probes",
        engine: None,
        file: "readiness.sh",
        change: ("*role:master*) ;;", "*role:*) ;;"),
    },
    Mutation {
        name: "pong-in-liveness",
        what: "liveness wants PONG (R24)",
        scenario: "disk-full",
        engine: None,
        file: "liveness.sh",
        change: ("cli $OWN_OPTIONS PING", "own PING | grep -q PONG"),
    },
    Mutation {
        name: "loading-is-started",
        what: "the startup probe takes LOADING for started (R24)",
        scenario: "f16-probes",
        engine: None,
        file: "startup.sh",
        change: ("*LOADING*)", "NEVER)"),
    },
    Mutation {
        name: "no-handover",
        what: "preStop hands nothing over (R27)",
        scenario: "f12-handover",
        engine: None,
        file: "pre-stop.sh",
        change: ("\nlook\nif is_over; then\n", "\nlook\nif true; then\n"),
    },
    Mutation {
        name: "wait-without-replica",
        what: "preStop does not give up where there is no replica (R27)",
        scenario: "f12-handover",
        engine: None,
        file: "pre-stop.sh",
        change: ("elif [ \"$replicas\" -eq 0 ]; then", "elif false; then"),
    },
    Mutation {
        name: "backup-skips-a-shard",
        what: "a backup ends after the first two shards",
        scenario: "backup",
        engine: None,
        file: "backup.sh",
        change: (
            "        shard=$((shard + 1))\n",
            "        shard=$((shard + 1))\n        [ \"$shard\" -lt 2 ] || break\n",
        ),
    },
    Mutation {
        name: "restore-overwrites",
        what: "a restore replaces keys that the cluster has already",
        scenario: "backup",
        engine: None,
        file: "restore.sh",
        change: (
            "\"\\\"\\\" 0\", timeout, login \"KEYS\"",
            "\"\\\"\\\" 0\", timeout, \"REPLACE\", login \"KEYS\"",
        ),
    },
];

/// Breaks the objects; fails if the file is there and has nothing to break, because then it would prove nothing. Tells whether
/// the file is there.
pub fn apply(name: &str, objects: &mut Objects) -> Result<bool> {
    let Some(mutation) = MUTATIONS.iter().find(|mutation| mutation.name == name) else {
        bail!("there is no mutation {name}")
    };
    let (old, new) = mutation.change;
    let (mut there, mut done) = (false, false);
    for map in &mut objects.config_maps {
        if let Some(text) = map.data.as_mut().and_then(|data| data.get_mut(mutation.file)) {
            there = true;
            if text.contains(old) {
                *text = text.replace(old, new);
                done = true;
            }
        }
    }
    match there && !done {
        true => bail!("mutation {name}: {} has no {old:?}", mutation.file),
        false => Ok(there),
    }
}
