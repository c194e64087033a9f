//! Valid specs at random: each number gives one, and together they use every field.

use redis_cluster_gen::yaml;
use serde_json::{Map, Value, json};

use super::random::Random;

/// The text of a spec file: of every two one is JSON, which is YAML too.
pub(crate) fn text(seed: u64) -> String {
    let spec = spec(seed);
    if seed.is_multiple_of(2) {
        let mut text = String::new();
        yaml::write(&spec, &mut text);
        text
    } else {
        serde_json::to_string_pretty(&spec).expect("a value is JSON")
    }
}

/// A spec whose cluster is named after the number.
pub(crate) fn spec(seed: u64) -> Value {
    let random = &mut Random::new(seed);
    let mut spec = Fields::new(random);
    let engine = spec.random.engine();
    // What other fields depend on.
    let cache = spec.random.chance(25);
    let memory = *spec.random.pick(&[256_u32, 512, 1024, 4096, 16384]);
    let topology = spec.random.topology();
    let bootstrap = spec.random.bootstrap(topology.retires);
    // The pods of two layouts cannot have the same places outside.
    let may_be_external = topology.fields["retiring"]["layout"].is_null();

    spec.put("engine", engine.fields);
    let mut pods = 6;
    if spec.random.chance(70) {
        let retiring = &topology.fields["retiring"];
        let number = |field: &str, default| {
            let stay = topology.fields[field].as_u64().unwrap_or(default);
            stay + retiring[field].as_u64().unwrap_or(0)
        };
        pods = number("shards", 3) * (1 + number("replicasPerShard", 1));
        spec.put("topology", topology.fields);
    }
    spec.put_with("storage", |random| random.storage(memory, cache));
    if cache {
        spec.put("persistence", json!({"mode": "None"}));
    } else {
        spec.sometimes(60, "persistence", Random::persistence);
    }
    spec.sometimes(50, "memory", |random| random.memory(memory, cache));
    spec.sometimes(50, "config", |random| random.config(engine.redis));
    spec.sometimes(60, "network", |random| random.network(pods, may_be_external));
    spec.sometimes(60, "auth", |random| {
        if random.chance(30) {
            return json!({"mode": "None"});
        }
        random.auth()
    });
    spec.sometimes(30, "tls", Random::tls);
    spec.sometimes(40, "probes", Random::probes);
    spec.sometimes(50, "lifecycle", Random::lifecycle);
    spec.put_with("pod", |random| random.pod(memory));
    spec.sometimes(40, "bootstrap", |_| bootstrap);
    // Exporters and backups find no server whose port differs from pod to pod.
    let external = spec.map.get("network").and_then(|network| network.get("external"));
    if external.is_none_or(|external| external["type"] != "NodePort") {
        spec.sometimes(30, "backup", Random::backup);
        spec.sometimes(20, "restore", Random::restore);
        spec.sometimes(40, "observability", Random::observability);
    }
    spec.sometimes(40, "gitops", |random| json!(random.pick(&["None", "ArgoCD", "Flux"])));
    spec.sometimes(20, "patches", |random| random.patches(seed));
    spec.sometimes(20, "extraManifests", |random| random.extra_manifests(seed));
    let spec = spec.done();

    let mut metadata = Fields::new(random);
    metadata.put("name", json!(format!("orders-{seed:03}")));
    metadata.sometimes(60, "namespace", |random| json!(random.pick(&["shop", "n", "team-a-2"])));
    metadata.sometimes(40, "labels", Random::labels);
    metadata.sometimes(40, "annotations", Random::annotations);
    json!({
        "apiVersion": "redis-cluster-gen.dev/v1alpha1",
        "kind": "RedisCluster",
        "metadata": metadata.done(),
        "spec": spec,
    })
}

/// A mapping in the making.
struct Fields<'a> {
    random: &'a mut Random,
    map: Map<String, Value>,
}

impl Fields<'_> {
    fn new(random: &mut Random) -> Fields<'_> {
        Fields { random, map: Map::new() }
    }

    fn put(&mut self, key: &str, value: Value) {
        self.map.insert(key.to_owned(), value);
    }

    fn put_with(&mut self, key: &str, value: impl FnOnce(&mut Random) -> Value) {
        let value = value(self.random);
        self.put(key, value);
    }

    fn sometimes(&mut self, percent: u32, key: &str, value: impl FnOnce(&mut Random) -> Value) {
        if self.random.chance(percent) {
            self.put_with(key, value);
        }
    }

    fn done(self) -> Value {
        Value::Object(self.map)
    }
}

struct Engine {
    fields: Value,
    redis: bool,
}

struct Topology {
    fields: Value,
    retires: bool,
}

impl Random {
    fn fields(&mut self) -> Fields<'_> {
        Fields::new(self)
    }

    fn engine(&mut self) -> Engine {
        let redis = self.chance(60);
        let version = if redis {
            *self.pick(&["7.0.15", "7.2.5", "7.4.1", "8.0.6"])
        } else {
            *self.pick(&["7.2.8", "8.0.1", "8.1.1", "9.0.0"])
        };
        let mut fields = self.fields();
        if redis {
            fields.sometimes(50, "name", |_| json!("redis"));
        } else {
            fields.put("name", json!("valkey"));
        }
        fields.put("version", json!(version));
        if fields.random.chance(25) {
            let digest = format!("{:016x}", fields.random.next()).repeat(4);
            fields.put(
                "image",
                json!(format!("registry.example.com:5000/db/server:{version}@sha256:{digest}")),
            );
        } else {
            fields.sometimes(25, "registry", |_| json!("registry.example.com/mirror"));
        }
        fields.sometimes(40, "pullPolicy", |random| {
            json!(random.pick(&["Always", "IfNotPresent", "Never"]))
        });
        fields.sometimes(25, "pullSecrets", |_| json!(["registry-login", "mirror"]));
        Engine { fields: fields.done(), redis }
    }

    fn topology(&mut self) -> Topology {
        let mut fields = self.fields();
        fields.sometimes(60, "shards", |random| json!(random.between(3, 7)));
        fields.put_with("replicasPerShard", |random| json!(random.between(0, 2)));
        let retires = fields.random.chance(30);
        if retires {
            fields.put_with("retiring", |random| {
                let mut retiring = random.fields();
                retiring.sometimes(70, "shards", |random| json!(random.between(0, 2)));
                retiring.sometimes(70, "replicasPerShard", |random| json!(random.between(0, 1)));
                retiring.done()
            });
        }
        fields.sometimes(60, "layout", |random| {
            json!(random.pick(&["StatefulSetPerShard", "SingleStatefulSet"]))
        });
        if retires && fields.random.chance(25) {
            let is_single = fields.map.get("layout") == Some(&json!("SingleStatefulSet"));
            let other = if is_single { "StatefulSetPerShard" } else { "SingleStatefulSet" };
            fields.put("retiring", json!({ "layout": other }));
        }
        fields.sometimes(50, "spread", |random| {
            let mut spread = random.fields();
            for key in ["nodes", "zones"] {
                spread.sometimes(70, key, |random| {
                    json!(random.pick(&["Required", "Preferred", "None"]))
                });
            }
            spread.done()
        });
        // As many as a shard can have pods.
        fields.sometimes(40, "zones", |_| json!(["eu-1a", "eu-1b", "eu-1c", "eu-1d"]));
        Topology { fields: fields.done(), retires }
    }

    fn storage(&mut self, memory: u32, cache: bool) -> Value {
        let mut fields = self.fields();
        if cache && fields.random.chance(60) {
            fields.put_with("ephemeral", |random| {
                let mut ephemeral = random.fields();
                ephemeral.sometimes(60, "sizeLimit", |_| json!(format!("{memory}Mi")));
                ephemeral.sometimes(40, "medium", |_| json!("Disk"));
                ephemeral.done()
            });
            return fields.done();
        }
        fields.put("size", json!(format!("{}Gi", memory / 256 * 2)));
        fields.sometimes(40, "className", |_| json!("fast"));
        fields.sometimes(30, "accessModes", |random| {
            json!([random.pick(&["ReadWriteOnce", "ReadWriteOncePod"])])
        });
        fields.sometimes(30, "retention", |random| {
            let mut retention = random.fields();
            retention.sometimes(60, "whenDeleted", |_| json!("Retain"));
            retention.sometimes(60, "whenScaled", |_| json!("Retain"));
            retention.done()
        });
        fields.sometimes(30, "labels", Random::labels);
        fields.sometimes(30, "annotations", Random::annotations);
        fields.done()
    }

    fn persistence(&mut self) -> Value {
        let mode = *self.pick(&["AOF", "RDB", "AOFAndRDB"]);
        let mut fields = self.fields();
        fields.put("mode", json!(mode));
        if mode != "RDB" {
            fields
                .sometimes(50, "appendfsync", |random| json!(random.pick(&["everysec", "always"])));
        }
        if mode != "AOF" {
            fields.sometimes(60, "snapshots", |random| {
                json!([
                    {"seconds": random.between(1800, 3600), "changes": 1},
                    {"seconds": random.between(60, 300), "changes": random.between(100, 10000)},
                ])
            });
        }
        fields.done()
    }

    fn memory(&mut self, memory: u32, cache: bool) -> Value {
        let mut fields = self.fields();
        if fields.random.chance(50) {
            fields.put("maxmemory", json!(format!("{}Mi", memory / 2)));
        } else {
            fields.sometimes(60, "headroomPercent", |random| json!(random.between(40, 60)));
        }
        let policies: &[&str] = if cache {
            &["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-ttl"]
        } else {
            &["noeviction", "volatile-lfu", "volatile-random"]
        };
        fields.sometimes(60, "maxmemoryPolicy", |random| json!(random.pick(policies)));
        fields.done()
    }

    fn config(&mut self, redis: bool) -> Value {
        let mut fields = self.fields();
        fields.sometimes(40, "slowlog-log-slower-than", |random| json!(random.between(0, 20000)));
        fields.sometimes(40, "activedefrag", |random| json!(random.chance(50)));
        fields.sometimes(40, "activerehashing", |_| json!("yes"));
        fields.sometimes(40, "notify-keyspace-events", |random| {
            json!(random.pick(&["Ex", "KEA", "y"]))
        });
        fields.sometimes(40, "hash-max-listpack-entries", |_| json!("0512"));
        fields.sometimes(40, "tcp-keepalive", |random| json!(random.between(60, 300)));
        fields.sometimes(40, "client-output-buffer-limit", |_| {
            json!(["normal 0 0 0", "pubsub 32mb 8mb 60"])
        });
        if redis {
            fields.sometimes(30, "slowlog-max-len", |_| json!(1024));
        }
        fields.done()
    }

    fn network(&mut self, pods: u64, may_be_external: bool) -> Value {
        let mut fields = self.fields();
        fields.sometimes(40, "clientPort", |random| json!(random.between(6379, 6400)));
        fields.sometimes(40, "busPort", |random| json!(random.between(16379, 30000)));
        fields.sometimes(50, "ipFamilyPolicy", |random| {
            json!(random.pick(&["PreferDualStack", "RequireDualStack"]))
        });
        if fields.map.contains_key("ipFamilyPolicy") {
            fields.sometimes(60, "ipFamilies", |random| {
                random.pick(&[json!(["IPv4", "IPv6"]), json!(["IPv6", "IPv4"])]).clone()
            });
        } else {
            fields.sometimes(40, "ipFamilies", |random| json!([random.pick(&["IPv4", "IPv6"])]));
        }
        fields.sometimes(40, "clusterDomain", |_| json!("k8s.example.com"));
        let external = may_be_external && fields.random.chance(30);
        if external {
            fields.put_with("external", |random| random.external(pods));
            if fields.map["external"]["type"] == "NodePort" {
                fields.map.remove("clientPort");
            }
        } else if fields.random.chance(50) {
            fields.put("announceHostnames", json!(true));
            fields.sometimes(60, "preferredEndpointType", |_| json!("hostname"));
        }
        fields.sometimes(40, "clientService", |random| {
            let enabled = random.chance(60);
            let mut service = random.fields();
            service.put("enabled", json!(enabled));
            if enabled {
                service.sometimes(60, "annotations", Random::annotations);
            }
            service.done()
        });
        fields.sometimes(50, "networkPolicy", |random| {
            if random.chance(30) {
                return json!({"enabled": false});
            }
            let peers = [
                json!({"podSelector": {"matchLabels": {"app": "web"}}}),
                json!({"namespaceSelector": {"matchExpressions":
                    [{"key": "team", "operator": "In", "values": ["a", "on"]}]}}),
                json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}),
            ];
            let clients = peers.into_iter().filter(|peer| {
                // Somebody outside has to be let in.
                let outside = external && peer.get("ipBlock").is_some();
                random.chance(60) || outside
            });
            let clients: Vec<_> = clients.collect();
            let mut policy = random.fields();
            policy.put("clients", json!(clients));
            policy.sometimes(30, "metrics", |_| {
                json!([{"namespaceSelector": {"matchLabels":
                    {"kubernetes.io/metadata.name": "monitoring"}}}])
            });
            policy.sometimes(30, "egress", |_| {
                json!([{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": [{"port": 443}]}])
            });
            if !policy.map.contains_key("egress") {
                policy.sometimes(30, "restrictEgress", |random| json!(random.chance(50)));
            }
            policy.sometimes(50, "ingress", |_| {
                json!([{"ports": [{"port": 9121, "protocol": "TCP"}], "from": [{"podSelector": {}}]}])
            });
            policy.done()
        });
        fields.done()
    }

    fn external(&mut self, pods: u64) -> Value {
        let mut fields = self.fields();
        let node_ports = fields.random.chance(30);
        if node_ports {
            fields.put("type", json!("NodePort"));
            fields.put_with("firstNodePort", |random| json!(random.between(30001, 32600)));
        } else {
            fields.put("type", json!("LoadBalancer"));
        }
        if fields.random.chance(50) {
            fields.put_with("host", |random| {
                json!(random.pick(&["POD.redis.example.com", "redis-POD.example.com"]))
            });
        } else {
            let host = |pod| match pod % 2 {
                0 => format!("192.0.2.{pod}"),
                _ => format!("redis-{pod}.example.com"),
            };
            fields.put("hosts", json!((0..pods).map(host).collect::<Vec<_>>()));
        }
        fields.sometimes(60, "annotations", |_| {
            json!({"external-dns.alpha.kubernetes.io/hostname": "HOST", "example.com/name": "lb-POD"})
        });
        if !node_ports {
            fields.sometimes(50, "loadBalancerClass", |_| json!("service.k8s.aws/nlb"));
            fields.sometimes(50, "loadBalancerSourceRanges", |_| json!(["203.0.113.0/24", "::/0"]));
        }
        fields.sometimes(50, "externalTrafficPolicy", |random| {
            json!(random.pick(&["Cluster", "Local"]))
        });
        fields.done()
    }

    fn tls(&mut self) -> Value {
        let mut fields = self.fields();
        fields.put("secretName", json!("redis.tls"));
        fields.sometimes(50, "certificate", |random| {
            let mut certificate = random.fields();
            certificate.put_with("issuerRef", |random| {
                let mut issuer = random.fields();
                issuer.put("name", json!("internal"));
                issuer.sometimes(50, "kind", |_| json!("ClusterIssuer"));
                issuer.sometimes(30, "group", |_| json!("issuers.example.com"));
                issuer.done()
            });
            certificate.sometimes(50, "duration", |_| json!("2160h"));
            certificate.sometimes(50, "renewBefore", |_| json!("360h30m"));
            certificate.sometimes(50, "dnsNames", |_| json!(["*.redis.example.com"]));
            certificate.done()
        });
        fields.sometimes(50, "clientCertificates", |random| {
            json!(random.pick(&["Required", "Optional", "None"]))
        });
        fields.sometimes(30, "plaintextPort", |_| json!(16380));
        fields.done()
    }

    fn probes(&mut self) -> Value {
        let mut fields = self.fields();
        fields.sometimes(60, "startup", |random| random.probe(5..=10, 120..=240));
        fields.sometimes(60, "readiness", |random| random.probe(3..=10, 2..=5));
        fields.sometimes(60, "liveness", |random| random.probe(10..=20, 5..=10));
        fields.done()
    }

    fn probe(
        &mut self,
        period: std::ops::RangeInclusive<u32>,
        failures: std::ops::RangeInclusive<u32>,
    ) -> Value {
        let mut fields = self.fields();
        fields.sometimes(60, "periodSeconds", |random| {
            json!(random.between(*period.start(), *period.end()))
        });
        fields.sometimes(60, "timeoutSeconds", |random| json!(random.between(3, 5)));
        fields.sometimes(60, "failureThreshold", |random| {
            json!(random.between(*failures.start(), *failures.end()))
        });
        fields.done()
    }

    fn lifecycle(&mut self) -> Value {
        let handover = self.between(5, 40);
        let mut fields = self.fields();
        if fields.random.chance(60) {
            fields.put("handoverSeconds", json!(handover));
            fields.put("terminationGracePeriodSeconds", json!(handover + 20 + handover / 2));
        }
        fields.sometimes(50, "minReadySeconds", |random| json!(random.between(6, 60)));
        fields.sometimes(50, "updateStrategy", |random| {
            json!(random.pick(&["RollingUpdate", "OnDelete"]))
        });
        fields.sometimes(50, "podDisruptionBudget", |random| {
            if random.chance(40) { json!({"enabled": false}) } else { json!({"maxUnavailable": 1}) }
        });
        fields.done()
    }

    fn pod(&mut self, memory: u32) -> Value {
        let mut fields = self.fields();
        fields.put_with("resources", |random| {
            let mut resources = random.fields();
            resources.sometimes(60, "requests", |random| {
                let mut requests = random.fields();
                requests.sometimes(70, "cpu", |random| json!(random.pick(&["250m", "1", "1.5"])));
                requests.sometimes(50, "memory", |_| json!(format!("{memory}Mi")));
                requests.done()
            });
            resources.put_with("limits", |random| {
                let mut limits = random.fields();
                limits.put("memory", json!(format!("{memory}Mi")));
                limits.sometimes(40, "cpu", |_| json!("2"));
                limits.sometimes(20, "ephemeral-storage", |_| json!("20Gi"));
                limits.done()
            });
            resources.done()
        });
        fields.sometimes(30, "labels", Random::labels);
        fields.sometimes(30, "annotations", Random::annotations);
        fields.sometimes(20, "securityContext", |_| {
            json!({"runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
                "fsGroupChangePolicy": "OnRootMismatch"})
        });
        fields.sometimes(30, "nodeSelector", |_| json!({"disk": "ssd", "dedicated": "true"}));
        fields.sometimes(30, "tolerations", |_| {
            json!([{"key": "dedicated", "operator": "Equal", "value": "on", "effect": "NoSchedule"},
                {"key": "spot", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}])
        });
        fields.sometimes(20, "affinity", |_| {
            json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms":
                [{"matchExpressions": [{"key": "arch", "operator": "NotIn", "values": ["arm"]}]}]}}})
        });
        fields.sometimes(20, "priorityClassName", |_| json!("important"));
        fields.sometimes(20, "runtimeClassName", |_| json!("gvisor"));
        fields.sometimes(20, "schedulerName", |_| json!("binpacker"));
        fields.sometimes(20, "serviceAccountName", |_| json!("databases"));
        fields.sometimes(30, "env", |_| {
            json!([{"name": "APP_MODE", "value": "yes"},
                {"name": "APP_NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}])
        });
        fields.sometimes(
            20,
            "envFrom",
            |_| json!([{"prefix": "X_", "configMapRef": {"name": "settings", "optional": true}}]),
        );
        if fields.random.chance(30) {
            fields.put(
                "volumes",
                json!([{"name": "scratch-area", "emptyDir": {"sizeLimit": "64Mi"}}]),
            );
            fields.put(
                "volumeMounts",
                json!([{"name": "scratch-area", "mountPath": "/scratch-area"}]),
            );
        }
        fields.sometimes(20, "sidecars", |_| json!([container("log-shipper")]));
        fields.sometimes(20, "initContainers", |_| json!([container("prepare")]));
        fields.done()
    }

    fn bootstrap(&mut self, needed: bool) -> Value {
        let mut fields = self.fields();
        if !needed && fields.random.chance(20) {
            fields.put("enabled", json!(false));
            return fields.done();
        }
        fields.sometimes(60, "timeoutSeconds", |random| json!(random.between(600, 1800)));
        fields.sometimes(60, "backoffLimit", |random| json!(random.between(1, 10)));
        fields.sometimes(60, "annotations", |_| json!({"sidecar.istio.io/inject": "false"}));
        fields.done()
    }

    fn backup(&mut self) -> Value {
        let mut fields = self.fields();
        fields.put_with("schedule", |random| {
            json!(random.pick(&["30 3 * * *", "@hourly", "*/15 0-6 1,15 jan-mar mon-fri"]))
        });
        fields.sometimes(50, "timeZone", |_| json!("Europe/Amsterdam"));
        fields.sometimes(50, "keep", |random| json!(random.between(1, 30)));
        fields.sometimes(50, "timeoutSeconds", |random| json!(random.between(60, 7200)));
        fields.sometimes(40, "upload", |_| json!(container("object-store")));
        fields.put_with("volume", |random| {
            if random.chance(50) {
                return json!({"claimName": "backups"});
            }
            let mut volume = random.fields();
            volume.put("size", json!("50Gi"));
            volume.sometimes(50, "className", |_| json!("slow"));
            volume.done()
        });
        fields.done()
    }

    fn restore(&mut self) -> Value {
        let mut fields = self.fields();
        fields.put("backup", json!("orders/20261125T033000Z"));
        if fields.random.chance(50) {
            fields.put("claimName", json!("backups"));
        } else {
            fields.put("download", json!(container("object-store")));
        }
        fields.sometimes(50, "timeoutSeconds", |random| json!(random.between(60, 7200)));
        fields.done()
    }

    fn secret_key(&mut self, name: &str) -> Value {
        let mut secret = self.fields();
        secret.put("name", json!(name));
        secret.sometimes(50, "key", |_| json!("redis-password_2"));
        secret.done()
    }

    fn auth(&mut self) -> Value {
        let mut auth = self.fields();
        auth.sometimes(60, "passwordSecret", |random| random.secret_key("redis.password"));
        let with_users = auth.random.chance(60);
        if with_users {
            auth.put_with("users", |random| {
                let users = random.between(1, 4);
                let users = (0..users).map(|number| random.user(&format!("user-{number}.A_b")));
                json!(users.collect::<Vec<_>>())
            });
            auth.sometimes(40, "defaultUser", |random| {
                json!(random.pick(&["Enabled", "Disabled"]))
            });
        }
        auth.done()
    }

    fn user(&mut self, name: &str) -> Value {
        let mut user = self.fields();
        user.put("name", json!(name));
        user.sometimes(20, "enabled", |_| json!(true));
        user.sometimes(30, "passwordSecret", |random| random.secret_key("user-passwords"));
        user.put_with("commands", |random| {
            json!(random.pick(&[
                &["+@all", "-@dangerous"][..],
                &["+@read", "+CONFIG|GET", "-keys"],
                &["+ping"],
            ]))
        });
        let patterns = |random: &mut Random| {
            json!(random.pick(&[&["*"][..], &["orders:*", "{a}:?[0-9]"], &["~x"][..0], &["%x#y"]]))
        };
        user.sometimes(60, "keys", patterns);
        user.sometimes(40, "readOnlyKeys", patterns);
        user.sometimes(40, "writeOnlyKeys", patterns);
        user.sometimes(40, "channels", patterns);
        user.done()
    }

    fn observability(&mut self) -> Value {
        let mut exporter = self.fields();
        exporter.put("enabled", json!(true));
        exporter.sometimes(30, "image", |_| json!("registry.example.com:5000/exporter:v1.91.1"));
        exporter
            .sometimes(30, "pullPolicy", |random| json!(random.pick(&["Always", "IfNotPresent"])));
        exporter.sometimes(30, "port", |random| json!(random.between(9122, 9199)));
        exporter.sometimes(
            30,
            "resources",
            |_| json!({"limits": {"memory": "96Mi"}, "requests": {"cpu": "20m"}}),
        );
        exporter.sometimes(
            30,
            "env",
            |_| json!([{"name": "REDIS_EXPORTER_LOG_FORMAT", "value": "json"}]),
        );
        let exporter = exporter.done();
        let mut fields = self.fields();
        fields.put("exporter", exporter);
        fields.put_with("monitor", |random| {
            let mut monitor = random.fields();
            monitor.put_with("kind", |random| {
                json!(random.pick(&["PodMonitor", "ServiceMonitor", "PodMonitor"]))
            });
            monitor.sometimes(30, "labels", |_| json!({"release": "prometheus"}));
            monitor.sometimes(30, "interval", |random| json!(random.pick(&["15s", "1m", "1m30s"])));
            monitor.done()
        });
        fields.sometimes(60, "alerts", |random| {
            let mut alerts = random.fields();
            alerts.put("enabled", json!(true));
            alerts.sometimes(30, "labels", |_| json!({"prometheus": "k8s", "role": "alert-rules"}));
            alerts.sometimes(50, "runbookUrl", |_| json!("https://example.com/runbooks/redis"));
            alerts.sometimes(30, "memoryPercent", |random| json!(random.between(50, 99)));
            alerts.sometimes(30, "diskPercent", |random| json!(random.between(50, 99)));
            alerts.sometimes(30, "replicationLagSeconds", |random| json!(random.between(2, 60)));
            alerts.sometimes(30, "certificateDays", |random| json!(random.between(1, 60)));
            alerts.done()
        });
        fields.sometimes(40, "dashboard", |random| {
            let mut dashboard = random.fields();
            dashboard.put("enabled", json!(true));
            dashboard.sometimes(30, "labels", |_| json!({"grafana": "yes"}));
            dashboard.sometimes(30, "annotations", |_| json!({"grafana_folder": "Redis"}));
            dashboard.done()
        });
        fields.done()
    }

    fn patches(&mut self, seed: u64) -> Value {
        let all = [
            json!({"target": {"kind": "StatefulSet"}, "merge": {"spec": {"revisionHistoryLimit": 3}}}),
            json!({"target": {"kind": "ConfigMap", "name": format!("orders-{seed:03}")},
                "merge": {"metadata": {"annotations": {"note": "off"}}}}),
            json!({"target": {"kind": "StatefulSet"}, "merge": {"spec": {"template": {"spec":
                {"shareProcessNamespace": false, "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]}}}}}}),
        ];
        json!([self.pick(&all), self.pick(&all)])
    }

    fn extra_manifests(&mut self, seed: u64) -> Value {
        json!([{
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": format!("dashboard-{seed:03}"), "labels": self.labels()},
            "data": {"a.json": "{\"on\": [1, 2]}\n", "no": "0755", "text": "one\n  two\n\nthree\n"},
        }])
    }

    fn labels(&mut self) -> Value {
        let mut fields = self.fields();
        for key in ["team", "cost-center", "example.com/tier", "y"] {
            fields.sometimes(60, key, |random| {
                json!(
                    random.pick(&[
                        "checkout", "yes", "on", "1e3", "0755", "12_000", "null", "", "v1.2"
                    ])
                )
            });
        }
        fields.done()
    }

    fn annotations(&mut self) -> Value {
        let mut fields = self.fields();
        for key in ["example.com/owner", "note", "on"] {
            fields.sometimes(60, key, |random| {
                json!(random.pick(&[
                    "12:30:45",
                    "two lines\nof text\n",
                    "# no comment",
                    "ends with: colon:",
                    "it's \"quoted\"",
                    "2001-01-01",
                    "~",
                    "- item",
                    "größe ✓",
                ]))
            });
        }
        fields.done()
    }
}

/// A container that the restricted Pod Security Standard takes.
fn container(name: &str) -> Value {
    json!({
        "name": name,
        "image": "registry.example.com/tools/helper:1.2",
        "args": ["--verbose", "on"],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "32Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
        },
    })
}
