//! Inputs made by hand to cost much or to break something, and files that only the program itself can meet.

use std::{
    fs::{self, File},
    io::Write,
    process::Stdio,
    time::Instant,
};

use wait4::Wait4;

use crate::{
    LARGEST, SLOWEST,
    common::rendered::{binary, temporary},
};

/// The largest file that is read at all is 1 MiB, so that is how large the bombs are.
const SIZE: usize = 1 << 20;

const HEAD: &str = "apiVersion: redis-cluster-gen.dev/v1alpha1\nkind: RedisCluster\nmetadata:\n  name: orders\nspec:\n  \
                    engine:\n    version: \"8.0.6\"\n  storage:\n    size: 10Gi\n";

/// Every input with its name.
pub(crate) fn inputs() -> Vec<(String, Vec<u8>)> {
    let mut inputs: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>| inputs.push((name.to_owned(), bytes));
    let fill = |unit: &str| unit.repeat(SIZE / unit.len()).into_bytes();
    let with_head = |rest: &str| format!("{HEAD}{rest}").into_bytes();

    // One thing, over and over, as far as a file may go.
    for unit in [
        "[",
        "{",
        "{a: ",
        "[[],",
        "- ",
        "? ",
        "a:\n",
        "!",
        "!a ",
        "&a ",
        "*a ",
        "&a [",
        "'",
        "\"",
        "|\n",
        ">\n",
        "#",
        "%",
        "---\n",
        "...\n",
        "--- a\n",
        "a: &a *a\n",
        "\u{feff}",
        "\r",
        "\n",
        "\t",
        " ",
        "\0",
        "a",
        "a ",
        "1",
        "0.",
        "é",
        "\u{1f980}",
        "\\",
        ": ",
        "a: b: ",
        "{}",
        "[]",
        "}",
        "]",
        ",",
        "<<: ",
        "a\n",
        "\"\\n",
        "'' ",
        "- - -\n",
        "-\n",
        "a:\r",
        "${",
        "{{",
        "\u{2028}",
        "\u{85}",
    ] {
        add(&format!("{unit:?}, repeated"), fill(unit));
        add(
            &format!("{unit:?}, repeated in a field"),
            with_head(&format!("  config:\n    timeout: {}", unit.repeat(20_000))),
        );
    }

    add("billion laughs", laughs("*"));
    add("billion laughs in merge keys", laughs("<<"));
    for depth in [100, 1_000, 10_000, 100_000] {
        add(
            &format!("{depth} lists deep"),
            format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes(),
        );
        add(
            &format!("{depth} maps deep"),
            format!("{}1{}", "{a: ".repeat(depth), "}".repeat(depth)).into_bytes(),
        );
        add(
            &format!("{depth} JSON maps deep"),
            format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)).into_bytes(),
        );
        add(&format!("{depth} dashes deep"), "- ".repeat(depth).into_bytes());
    }
    // Indentation makes these grow with the square of their depth.
    let block: String = (0..1_400).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    add("1400 block maps deep", block.into_bytes());
    let block: String = (0..700).map(|depth| format!("{}- a:\n", "  ".repeat(depth))).collect();
    add("1400 blocks deep", block.into_bytes());
    let nested = format!("{}1{}", "{\"merge\":".repeat(60), "}".repeat(60));
    add(
        "deep patch",
        with_head(&format!("  patches:\n  - target: {{kind: StatefulSet}}\n    merge: {nested}\n")),
    );

    let many =
        |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    add("a key of 1 MB", format!("{}: 1\n", "k".repeat(SIZE - 10)).into_bytes());
    add("a long name", HEAD.replace("orders", &"o".repeat(SIZE - 400)).into_bytes());
    add("a long version", HEAD.replace("8.0.6", &"8.".repeat(SIZE / 2 - 400)).into_bytes());
    add("a long size", HEAD.replace("10Gi", &"1".repeat(SIZE - 400)).into_bytes());
    add("a long unknown field", with_head(&format!("  {}: 1\n", "shard".repeat(SIZE / 5 - 200))));
    add("50,000 keys", many(50_000, &|n| format!("k{n}: {n}\n")).into_bytes());
    add("100,000 times the same key", "kind: a\n".repeat(100_000).into_bytes());
    add("30,000 unknown fields", with_head(&many(30_000, &|n| format!("  shard{n}: 1\n"))));
    add(
        "30,000 unknown directives",
        with_head(&format!("  config:\n{}", many(30_000, &|n| format!("    maxmemor{n}: 1\n")))),
    );
    add(
        "30,000 labels that are wrong",
        with_head(&format!(
            "  pod:\n    labels:\n{}",
            many(30_000, &|n| format!("      a/b/{n}: -\n"))
        )),
    );
    add(
        "30,000 words that two YAMLs read differently",
        with_head(&format!("  config:\n{}", many(30_000, &|n| format!("    k{n}: yes\n")))),
    );
    add(
        "60,000 zones",
        with_head(&format!(
            "  topology:\n    zones:\n{}",
            many(60_000, &|n| format!("    - z{n}\n"))
        )),
    );
    add(
        "30,000 zones, all the same",
        with_head(&format!("  topology:\n    zones:\n{}", "    - zone\n".repeat(30_000))),
    );
    add(
        "10,000 patches",
        with_head(&format!(
            "  patches:\n{}",
            "  - {target: {kind: StatefulSet}, merge: {spec: {minReadySeconds: 9}}}\n"
                .repeat(10_000)
        )),
    );
    add(
        "10,000 patches that match nothing",
        with_head(&format!(
            "  patches:\n{}",
            many(10_000, &|n| format!("  - {{target: {{kind: K{n}}}, merge: {{a: 1}}}}\n"))
        )),
    );
    add(
        "5,000 extra manifests",
        with_head(&format!(
            "  extraManifests:\n{}",
            many(5_000, &|n| format!(
                "  - {{apiVersion: v1, kind: ConfigMap, metadata: {{name: a{n}}}, data: {{a: \"{n}\"}}}}\n"
            ))
        )),
    );
    add(
        "8,000 extra manifests, all the same",
        with_head(&format!(
            "  extraManifests:\n{}",
            "  - {apiVersion: v1, kind: ConfigMap, metadata: {name: orders}}\n".repeat(8_000)
        )),
    );
    add(
        "10,000 sidecars of one name",
        with_head(&format!(
            "  pod:\n    sidecars:\n{}",
            "    - {name: a, image: b}\n".repeat(10_000)
        )),
    );
    add(
        "10,000 environment variables",
        with_head(&format!(
            "  pod:\n    env:\n{}",
            many(10_000, &|n| format!("    - {{name: A{n}, value: b}}\n"))
        )),
    );
    add(
        "the largest cluster",
        with_head("  topology:\n    shards: 500\n    replicasPerShard: 10\n"),
    );
    let patches =
        "  - {target: {kind: StatefulSet}, merge: {spec: {minReadySeconds: 9}}}\n".repeat(1_000);
    add(
        "the largest cluster, patched",
        with_head(&format!(
            "  topology:\n    shards: 500\n    replicasPerShard: 10\n  patches:\n{patches}"
        )),
    );
    let sidecars: String = many(2_000, &|n| format!("    - {{name: a{n}, image: b}}\n"));
    add(
        "the largest cluster, 2,000 sidecars",
        with_head(&format!(
            "  topology:\n    shards: 500\n    replicasPerShard: 10\n  pod:\n    sidecars:\n{sidecars}"
        )),
    );
    // CANDIDATES
    let big = "  topology:\n    shards: 500\n";
    let secrets = |n: usize| {
        many(n, &|k| {
            format!(
                "    - {{kind: Secret, apiVersion: v1, metadata: {{name: s{k}, namespace: other}}, data: {{a: bbbb{k}, c: dddd{k}, e: ffff{k}}}}}\n"
            )
        })
    };
    add(
        "C patch env 1 patch 12000 env",
        with_head(&format!(
            "  patches:\n  - target: {{kind: StatefulSet}}\n    merge: {{spec: {{template: {{spec: {{containers: [{{name: redis, env: [{}]}}]}}}}}}}}\n",
            many(12_000, &|n| format!("{{name: A{n}, value: b}}, "))
        )),
    );
    add(
        "C patch env 1 patch 12000 env, 500 shards",
        with_head(&format!(
            "{big}  patches:\n  - target: {{kind: StatefulSet}}\n    merge: {{spec: {{template: {{spec: {{containers: [{{name: redis, env: [{}]}}]}}}}}}}}\n",
            many(12_000, &|n| format!("{{name: A{n}, value: b}}, "))
        )),
    );
    add(
        "C big patch, 500 shards",
        with_head(&format!(
            "{big}  patches:\n  - target: {{kind: StatefulSet}}\n    merge: {{metadata: {{annotations: {{a: {}}}}}}}\n",
            "x".repeat(900_000)
        )),
    );
    add(
        "C big patch many annotations, 500 shards",
        with_head(&format!(
            "{big}  patches:\n  - target: {{kind: StatefulSet}}\n    merge: {{metadata: {{annotations: {{{}}}}}}}\n",
            many(30_000, &|n| format!("a{n}: b, "))
        )),
    );
    add(
        "C 255K annotations 500 shards",
        format!(
            "{}{big}",
            HEAD.replace(
                "  name: orders\n",
                &format!(
                    "  name: orders\n  annotations:\n{}",
                    many(18_000, &|n| format!("    a{n}: b\n"))
                )
            )
        )
        .into_bytes(),
    );
    add(
        "C sidecars 500 shards",
        with_head(&format!(
            "{big}  pod:\n    sidecars:\n{}",
            many(9_000, &|n| format!("    - {{name: a{n}, image: \"b:1\"}}\n"))
        )),
    );
    add(
        "C 10,000 patches 500 shards",
        with_head(&format!(
            "{big}  patches:\n{}",
            "  - {target: {kind: StatefulSet}, merge: {spec: {minReadySeconds: 9}}}\n"
                .repeat(7_000)
        )),
    );
    add(
        "C 500 named patches then 8000",
        with_head(&format!(
            "{big}  patches:\n{}{}",
            many(500, &|n| format!(
                "  - {{target: {{kind: StatefulSet, name: orders-shard-{n}}}, merge: {{spec: {{minReadySeconds: 9}}}}}}\n"
            )),
            "  - {target: {kind: StatefulSet}, merge: {spec: {minReadySeconds: 9}}}\n"
                .repeat(7_000)
        )),
    );
    add(
        "C 10,000 patches matching nothing 500 shards",
        with_head(&format!(
            "{big}  patches:\n{}",
            many(8_000, &|n| format!(
                "  - {{target: {{kind: StatefulSet, name: n{n}}}, merge: {{a: 1}}}}\n"
            ))
        )),
    );
    add(
        "C 10,000 patches matching nothing 500 shards long",
        format!(
            "{}{big}  patches:\n{}",
            HEAD.replace("orders", &"o".repeat(70)),
            many(5_000, &|n| format!(
                "  - {{target: {{kind: StatefulSet, name: {}{n}}}, merge: {{a: 1}}}}\n",
                "p".repeat(70)
            ))
        )
        .into_bytes(),
    );
    add(
        "C 10,000 bad patches",
        with_head(&format!(
            "  patches:\n{}",
            many(7_000, &|n| format!(
                "  - {{target: {{kind: StatefulSet}}, merge: {{spec: {{minReadySecs{n}: 9}}}}}}\n"
            ))
        )),
    );
    add(
        "C 10,000 bad type patches",
        with_head(&format!(
            "  patches:\n{}",
            many(7_000, &|_| format!(
                "  - {{target: {{kind: StatefulSet}}, merge: {{spec: {{replicas: x}}}}}}\n"
            ))
        )),
    );
    add(
        "C patch with 20000 bad envs",
        with_head(&format!(
            "  patches:\n  - target: {{kind: StatefulSet}}\n    merge: {{spec: {{template: {{spec: {{containers: [{{name: redis, env: [{}]}}]}}}}}}}}\n",
            many(12_000, &|n| format!("{{name: A{n}, value: 1}}, "))
        )),
    );
    add(
        "C patch with 20000 unknown fields",
        with_head(&format!(
            "  patches:\n  - target: {{kind: StatefulSet}}\n    merge: {{spec: {{template: {{spec: {{{}}}}}}}}}\n",
            many(25_000, &|n| format!("nodeNam{n}: x, "))
        )),
    );
    add(
        "C patch containers without image vs many sidecars",
        with_head(&format!(
            "  pod:\n    sidecars:\n{}  patches:\n{}",
            many(4_000, &|n| format!("    - {{name: {}{n}, image: \"b:1\"}}\n", "s".repeat(55))),
            many(4_000, &|n| format!(
                "  - {{target: {{kind: StatefulSet}}, merge: {{spec: {{template: {{spec: {{containers: [{{name: {}{n}x}}]}}}}}}}}}}\n",
                "s".repeat(40)
            ))
        )),
    );
    add(
        "C patch one with many containers vs many sidecars",
        with_head(&format!(
            "  pod:\n    sidecars:\n{}  patches:\n  - target: {{kind: StatefulSet}}\n    merge: {{spec: {{template: {{spec: {{containers: [{}]}}}}}}}}\n",
            many(6_000, &|n| format!("    - {{name: {}{n}, image: \"b:1\"}}\n", "s".repeat(55))),
            many(6_000, &|n| format!("{{name: {}{n}x}}, ", "s".repeat(55)))
        )),
    );
    add(
        "C mounts of unknown volumes",
        with_head(&format!(
            "  pod:\n    volumes:\n{}    volumeMounts:\n{}",
            many(6_000, &|n| format!("    - {{name: {}{n}, emptyDir: {{}}}}\n", "v".repeat(50))),
            many(5_000, &|n| format!("    - {{name: {}{n}x, mountPath: /a{n}}}\n", "v".repeat(50)))
        )),
    );
    add(
        "C mounts of known volumes",
        with_head(&format!(
            "  pod:\n    volumes:\n{}    volumeMounts:\n{}",
            many(10_000, &|n| format!("    - {{name: v{n}, emptyDir: {{}}}}\n")),
            many(9_000, &|n| format!("    - {{name: v{n}, mountPath: /a{n}}}\n"))
        )),
    );
    add(
        "C sidecars with bad values",
        with_head(&format!(
            "  pod:\n    sidecars:\n{}",
            many(10_000, &|n| format!("    - {{name: a{n}, image: b, tty: 1, stdin: 2}}\n"))
        )),
    );
    add(
        "C sidecars with unknown fields",
        with_head(&format!(
            "  pod:\n    sidecars:\n{}",
            many(10_000, &|n| format!("    - {{name: a{n}, image: b, tti: 1, stdn: 2}}\n"))
        )),
    );
    add(
        "C sidecars without name or image",
        with_head(&format!(
            "  pod:\n    sidecars:\n{}",
            many(14_000, &|_| format!("    - {{tti: true}}\n"))
        )),
    );
    add(
        "C one sidecar with bad envs",
        with_head(&format!(
            "  pod:\n    sidecars:\n    - {{name: a, image: b, env: [{}]}}\n",
            many(12_000, &|n| format!("{{name: A{n}, value: 1}}, "))
        )),
    );
    add(
        "C one sidecar with unknown in envs",
        with_head(&format!(
            "  pod:\n    sidecars:\n    - {{name: a, image: b, env: [{}]}}\n",
            many(12_000, &|n| format!("{{name: A{n}, vale: x}}, "))
        )),
    );
    add(
        "C env not mappings",
        with_head(&format!("  pod:\n    env:\n{}", "    - a\n".repeat(100_000))),
    );
    add(
        "C env wrong",
        with_head(&format!(
            "  pod:\n    env:\n{}",
            many(15_000, &|n| format!("    - {{name: 0A{n}, value: 1}}\n"))
        )),
    );
    add(
        "C env wrong names",
        with_head(&format!(
            "  pod:\n    env:\n{}",
            many(15_000, &|n| format!("    - {{name: 0A{n}, value: x}}\n"))
        )),
    );
    add(
        "C zones numbers",
        with_head(&format!("  topology:\n    zones:\n{}", "    - 1\n".repeat(100_000))),
    );
    add(
        "C zones wrong",
        with_head(&format!(
            "  topology:\n    zones:\n{}",
            many(50_000, &|n| format!("    - \" {n}\"\n"))
        )),
    );
    add(
        "C labels numbers",
        with_head(&format!(
            "  pod:\n    labels:\n{}",
            many(60_000, &|n| format!("      a{n}: 1\n"))
        )),
    );
    add(
        "C labels decimals",
        with_head(&format!(
            "  pod:\n    labels:\n{}",
            many(60_000, &|n| format!("      a{n}: 1.0\n"))
        )),
    );
    add(
        "C directives mappings",
        with_head(&format!("  config:\n{}", many(30_000, &|n| format!("    a{n}: {{}}\n")))),
    );
    add(
        "C directives lists",
        with_head(&format!("  config:\n{}", many(30_000, &|n| format!("    a{n}: [a, b]\n")))),
    );
    add(
        "C directive long list",
        with_head(&format!("  config:\n    save: [{}]\n", "a, ".repeat(60_000))),
    );
    add(
        "C directive long list of bad",
        with_head(&format!(
            "  config:\n    loadmodule: [{}]\n    client-output-buffer-limit: [{}]\n",
            "\"'\", ".repeat(50_000),
            "x, ".repeat(50_000)
        )),
    );
    add(
        "C directive long known",
        with_head(&format!(
            "  config:\n    notify-keyspace-events: {}\n    save: {}\n    maxmemory-policy: {}",
            "K".repeat(300_000),
            "1 ".repeat(100_000),
            "x".repeat(300_000)
        )),
    );
    add(
        "C snapshots wrong",
        with_head(&format!(
            "  persistence:\n    mode: RDB\n    snapshots:\n{}",
            "    - {}\n".repeat(60_000)
        )),
    );
    add(
        "C snapshots zero",
        with_head(&format!(
            "  persistence:\n    mode: RDB\n    snapshots:\n{}",
            "    - {seconds: 0, changes: 0}\n".repeat(20_000)
        )),
    );
    add("C patches empty", with_head(&format!("  patches:\n{}", "    - {}\n".repeat(60_000))));
    add(
        "C patches unknown",
        with_head(&format!("  patches:\n{}", "    - {a: 1}\n".repeat(40_000))),
    );
    add(
        "C manifests empty",
        with_head(&format!("  extraManifests:\n{}", "    - {}\n".repeat(60_000))),
    );
    add(
        "C manifests no text",
        with_head(&format!(
            "  extraManifests:\n{}",
            "    - {apiVersion: 1, kind: 2, metadata: {name: 3}}\n".repeat(15_000)
        )),
    );
    add(
        "C manifests strings",
        with_head(&format!("  extraManifests:\n{}", "    - a\n".repeat(60_000))),
    );
    add(
        "C manifests like own StatefulSets",
        with_head(&format!(
            "{big}  extraManifests:\n{}",
            many(8_000, &|n| format!(
                "    - {{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: orders-shard-{n}}}}}\n"
            ))
        )),
    );
    add(
        "C manifests elsewhere, long namespace",
        format!(
            "{}  extraManifests:\n{}",
            HEAD.replace(
                "  name: orders\n",
                &format!("  name: orders\n  namespace: {}\n", "n".repeat(500_000))
            ),
            secrets(4_000)
        )
        .into_bytes(),
    );
    add(
        "C long version, unknown directives",
        format!(
            "{}  config:\n{}",
            HEAD.replace("8.0.6", &format!("8.0.{}", "1".repeat(500_000))),
            many(20_000, &|n| format!("    maxmemor{n}: 1\n"))
        )
        .into_bytes(),
    );
    add(
        "C long version, uncertain directives",
        format!(
            "{}  config:\n{}",
            HEAD.replace("8.0.6", &format!("9.9.{}", "1".repeat(500_000))),
            many(20_000, &|n| format!("    maxmemor{n}: 1\n"))
        )
        .into_bytes(),
    );
    add(
        "C long cluster name, patches match nothing",
        format!(
            "{}{big}  patches:\n{}",
            HEAD.replace("orders", &"o".repeat(500_000)),
            many(5_000, &|n| format!(
                "  - {{target: {{kind: StatefulSet, name: n{n}}}, merge: {{a: 1}}}}\n"
            ))
        )
        .into_bytes(),
    );
    add(
        "C long kind patches",
        with_head(&format!(
            "  patches:\n  - {{target: {{kind: {}}}, merge: {{a: 1}}}}\n",
            "k".repeat(900_000)
        )),
    );
    add(
        "C version far away",
        with_head(&format!(
            "  config:\n{}{}",
            "\n".repeat(500_000),
            many(20_000, &|n| format!("    maxmemor{n}: 1\n"))
        )),
    );
    add(
        "C uncertain far away",
        format!(
            "{}  config:\n{}{}",
            HEAD.replace("8.0.6", "9.9.9"),
            "\n".repeat(500_000),
            many(20_000, &|n| format!("    maxmemor{n}: 1\n"))
        )
        .into_bytes(),
    );
    add(
        "C fragile texts",
        with_head(&format!(
            "  extraManifests:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    x: [{}]\n",
            "\"\\a\", ".repeat(80_000)
        )),
    );
    add(
        "C fragile keys",
        with_head(&format!(
            "  extraManifests:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    x: {{{}}}\n",
            many(40_000, &|n| format!("\"\\a{n}\": 1, "))
        )),
    );
    add(
        "C substituted",
        with_head(&format!(
            "  extraManifests:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    x: [{}]\n",
            "\"${\", ".repeat(80_000)
        )),
    );
    add(
        "C long key many children",
        with_head(&format!(
            "  extraManifests:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    {}: {{{}, b: \"${{\"}}\n",
            "k".repeat(400_000),
            many(30_000, &|n| format!("a{n}: 1, "))
        )),
    );
    add(
        "C long key many children substituted",
        with_head(&format!(
            "  extraManifests:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    {}: {{{}, b: \"${{\"}}\n",
            "k".repeat(400_000),
            many(20_000, &|n| format!("a{n}: \"${{\", "))
        )),
    );
    add(
        "C long key many decimals",
        with_head(&format!(
            "  nonsense: 1\n  extraManifests:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    {}: {{{}}}\n",
            "k".repeat(400_000),
            many(30_000, &|n| format!("a{n}: 1.0, "))
        )),
    );
    add(
        "C trailing blanks",
        with_head(&format!(
            "  extraManifests:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    x: |\n{}",
            "      a \n".repeat(100_000)
        )),
    );
    add(
        "C trailing blanks lists",
        with_head(&format!(
            "  extraManifests:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    x:\n{}",
            "      - |\n        a \n        b\n".repeat(30_000)
        )),
    );
    for unit in [
        "redis://",
        "redis://a:b@",
        "-----BEGIN PRIVATE KEY-----",
        "password=",
        "password:\n",
        "password: a\n",
        "password",
        "token \"",
        "token=\"\\",
        "requirepass ",
        "requirepass,\n",
        "user a ",
        "\nuser a b",
        "AUTH ",
        "AUTH\n",
        "bearer ",
        "bearer a",
        "a://b",
        "secret=a,",
        " -a ",
        "\nuser\n",
        "-----BEGIN A PRIVATE KEY-----\n",
    ] {
        add(
            &format!("C {unit:?} in text"),
            with_head(&format!(
                "  nonsense: 1\n  extraManifests:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    x: '{}'\n",
                unit.repeat(900_000 / unit.len()).replace('\'', "")
            )),
        );
        add(
            &format!("C {unit:?} in block"),
            with_head(&format!(
                "  nonsense: 1\n  extraManifests:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    x: |\n      {}\n",
                unit.repeat(700_000 / unit.len()).replace('\n', "\n      ")
            )),
        );
        add(&format!("C {unit:?} raw"), unit.repeat(SIZE / unit.len()).into_bytes());
    }
    add("C secrets and problems", with_head(&format!("  extraManifests:\n{}", secrets(8_000))));
    add(
        "C secrets in bad text",
        with_head(&format!(
            "  extraManifests:\n{}",
            many(10_000, &|n| format!("  - {{password: yes, a: {n}, token: no}}\n"))
        )),
    );
    add(
        "C env secrets",
        with_head(&format!(
            "  pod:\n    env:\n{}",
            many(12_000, &|n| format!("    - {{name: A{n}_TOKEN, value: bbbbbb{n}}}\n"))
        )),
    );
    add(
        "C ingress",
        with_head(&format!(
            "  network:\n    networkPolicy:\n      clients: [{}]\n",
            "{}, ".repeat(30_000)
        )),
    );
    add(
        "C ingress cidr",
        with_head(&format!(
            "  network:\n    networkPolicy:\n      clients: [{}]\n",
            "{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}}, ".repeat(7_000)
        )),
    );
    add(
        "C one ingress many except",
        with_head(&format!(
            "  network:\n    networkPolicy:\n      clients: [{{ipBlock: {{cidr: 10.0.0.0/8, except: [{}]}}}}]\n",
            "11.0.0.0/8, ".repeat(70_000)
        )),
    );
    add(
        "C tolerations",
        with_head(&format!(
            "  pod:\n    tolerations:\n{}",
            "    - {operator: Equals, effect: NoShedule}\n".repeat(15_000)
        )),
    );
    add(
        "C pull secrets",
        with_head("  nonsense: 1\n")
            .into_iter()
            .chain(format!("  topology: {{}}\n").into_bytes())
            .collect(),
    );
    add(
        "C resources",
        with_head(&format!(
            "  pod:\n    resources:\n      limits:\n{}",
            many(40_000, &|n| format!("        memor{n}: 1\n"))
        )),
    );
    add(
        "C resources bad",
        with_head(&format!(
            "  pod:\n    resources:\n      limits:\n{}",
            many(40_000, &|n| format!("        a/memor{n}: 1MB\n"))
        )),
    );
    add(
        "C node selector",
        with_head(&format!(
            "  pod:\n    nodeSelector:\n{}",
            many(40_000, &|n| format!("      a{n}: b\n"))
        )),
    );
    add(
        "C one line list",
        with_head(&format!("  topology: {{zones: [{}]}}\n", many(100_000, &|n| format!("z{n}, ")))),
    );
    add(
        "C one line nested",
        with_head(&format!(
            "  extraManifests: [{}]\n",
            many(9_000, &|n| format!("{{a: {{b: {{c: {n}}}}}}}, "))
        )),
    );
    add(
        "C flow lines",
        with_head(&format!(
            "  extraManifests: [{}]\n",
            many(9_000, &|n| format!("\n{{a:\n {{b:\n {{c: {n}}}}}}}, "))
        )),
    );
    add(
        "C flow lines deep",
        with_head(
            &format!(
                "  extraManifests: [{}{}]\n",
                "{a: ".repeat(40),
                many(20_000, &|n| format!("\n b{n}: 1,"))
            )
            .replace("1,]", &format!("1{}]", "}".repeat(40))),
        ),
    );
    add(
        "C quoted multi",
        with_head(&format!("  extraManifests: [{{a: \"{}\"}}]\n", "\n\n x".repeat(200_000))),
    );
    add("C comments", with_head(&"  # a\n".repeat(170_000)));
    add("C anchors", format!("{}", many(30_000, &|n| format!("a{n}: &a{n} b\n"))).into_bytes());
    add("C anchors same", "a: &a b\n".repeat(120_000).into_bytes());
    add("C aliases", format!("x: &a b\n{}", many(60_000, &|n| format!("a{n}: *a\n"))).into_bytes());
    add("C tags", many(60_000, &|n| format!("a{n}: !!str b\n")).into_bytes());
    add("C dup keys pairs", many(50_000, &|n| format!("k{}: {n}\n", n / 2)).into_bytes());
    add(
        "C dup keys spec",
        with_head(&format!("  config:\n{}", many(40_000, &|n| format!("    k{}: {n}\n", n / 2)))),
    );
    add(
        "C unknown fields everywhere",
        with_head(&format!(
            "  pod:\n    sidecars:\n{}  patches:\n{}",
            many(5_000, &|n| format!("    - {{nam{n}: a}}\n")),
            many(5_000, &|n| format!("    - {{targe{n}: a}}\n"))
        )),
    );
    add(
        "C unknown field with a deep tree",
        with_head(&format!(
            "  replication:\n{}",
            many(40_000, &|n| format!("    architecture{n}: {{a: 1}}\n"))
        )),
    );
    add(
        "C 100 unknown with trees",
        with_head(&many(100, &|n| {
            format!(
                "  replication{n}:\n{}",
                many(250, &|n| format!("    architecture{n}: {{a: {{b: 1}}}}\n"))
            )
        })),
    );
    add("C another format", format!("apiVersion: redis.redis.opstreelabs.in/v1beta2\nkind: RedisCluster\nmetadata:\n  name: a\nspec:\n{}", many(50_000, &|n| format!("  kubernetesConfig{n}: 1\n"))).into_bytes());
    // CANDIDATES END
    for number in [
        "1e999999999",
        "-1",
        "0",
        "99999999999999999999",
        "1.5",
        "-9223372036854775808",
        "0x7fffffffffffffff",
        ".inf",
        ".nan",
        "1e-400",
    ] {
        for field in [
            "topology: {shards: N}",
            "topology: {replicasPerShard: N}",
            "network: {clientPort: N}",
            "network: {busPort: N}",
            "probes: {liveness: {periodSeconds: N, failureThreshold: N}}",
            "lifecycle: {handoverSeconds: N, terminationGracePeriodSeconds: N}",
            "memory: {headroomPercent: N}",
            "memory: {maxmemory: N}",
            "bootstrap: {timeoutSeconds: N, backoffLimit: N}",
            "persistence: {mode: RDB, snapshots: [{seconds: N, changes: N}]}",
            "lifecycle: {podDisruptionBudget: {maxUnavailable: N}}",
        ] {
            let field = field.replace('N', number);
            add(&field, with_head(&format!("  {field}\n")));
        }
    }
    // Limits next to one another in one field must not overflow in arithmetic.
    for number in ["4294967295", "2147483648", "65536"] {
        add(
            number,
            with_head(&format!(
                "  probes: {{startup: {{periodSeconds: {number}, failureThreshold: {number}, timeoutSeconds: {number}}}}}\n  \
             lifecycle: {{handoverSeconds: {number}, terminationGracePeriodSeconds: {number}, minReadySeconds: {number}}}\n"
            )),
        );
    }
    for size in [
        "9E",
        "99999999999Ei",
        "1e99",
        "0",
        "-1Gi",
        "1n",
        "1m",
        "0.0000000001",
        "340282366920938463463374607431768211456",
    ] {
        add(&format!("size {size}"), HEAD.replace("10Gi", &format!("\"{size}\"")).into_bytes());
        add(
            &format!("memory {size}"),
            with_head(&format!(
                "  pod: {{resources: {{limits: {{memory: \"{size}\"}}, requests: {{memory: \"{size}\", cpu: \"{size}\"}}}}}}\n"
            )),
        );
    }

    // Bytes that are no text, or that end in the middle of a character.
    add("nothing", Vec::new());
    for bytes in [
        &b"\xff\xfe"[..],
        b"\xef\xbb\xbf",
        b"\xef\xbb",
        b"\xf0\x9f\xa6",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\x80",
        b"a: \xff",
        b"a: 1\n\xe2\x80",
        b"\x00\x00\xfe\xff",
        b"a\x00b: c",
        b"\x1b[31m: \x07",
    ] {
        add(&format!("bytes {bytes:02x?}"), bytes.to_vec());
        for cut in [0, 10, 90] {
            let mut text = HEAD.as_bytes().to_vec();
            drop(text.splice(cut..cut, bytes.iter().copied()));
            add(&format!("bytes {bytes:02x?} at {cut}"), text);
        }
    }
    let mut noise = crate::common::random::Random::new(1);
    for size in [1, 100, 10_000, SIZE] {
        add(&format!("{size} bytes of noise"), (0..size).map(|_| noise.below(256) as u8).collect());
        add(
            &format!("{size} characters of noise"),
            (0..size).map(|_| noise.below(96) as u8 + 32).collect(),
        );
    }
    // Every prefix: a file that was cut off.
    for end in 0..HEAD.len() {
        add(&format!("the first {end} bytes"), HEAD.as_bytes()[..end].to_vec());
    }
    inputs
}

/// Ten levels of ten references each.
fn laughs(by: &str) -> Vec<u8> {
    let mut text = String::from("a0: &a0 {x: lol}\n");
    for level in 1..10 {
        let below = level - 1;
        let line = if by == "*" {
            format!("a{level}: &a{level} [{}]\n", vec![format!("*a{below}"); 10].join(", "))
        } else {
            format!("a{level}: &a{level} {{<<: [{}]}}\n", vec![format!("*a{below}"); 10].join(", "))
        };
        text.push_str(&line);
    }
    text.into_bytes()
}

/// Files that the program itself has to turn away. To be called first: a child process starts with its parent's peak of memory.
pub(crate) fn files_that_are_too_large() {
    let folder = temporary("hostile-files");
    let large = folder.join("large.yaml");
    let mut file = File::create(&large).expect("a file can be made");
    let line = format!("{}{}\n", HEAD, "# x".repeat(30_000));
    for _ in 0..100_000_000 / line.len() + 1 {
        file.write_all(line.as_bytes()).expect("the file can be written");
    }
    drop(file);
    assert!(fs::metadata(&large).expect("the file is there").len() >= 100_000_000);
    let sparse = folder.join("sparse.yaml");
    File::create(&sparse).and_then(|file| file.set_len(8 << 30)).expect("a file can be made");

    let zero = || Stdio::from(File::open("/dev/zero").expect("there is a /dev/zero"));
    for (name, args, stdin) in [
        ("100 MB", vec!["validate", large.to_str().expect("the path is UTF-8")], Stdio::null()),
        (
            "100 MB, rendered",
            vec!["render", large.to_str().expect("the path is UTF-8")],
            Stdio::null(),
        ),
        (
            "8 GiB, sparse",
            vec!["validate", sparse.to_str().expect("the path is UTF-8")],
            Stdio::null(),
        ),
        ("without end, on stdin", vec!["validate", "-"], zero()),
        (
            "100 MB, on stdin",
            vec!["validate", "-"],
            Stdio::from(File::open(&large).expect("the file is there")),
        ),
    ] {
        let began = Instant::now();
        let mut command = binary();
        let mut child = command
            .args(args)
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let used = child.wait4().expect("the program ends");
        assert_eq!(used.status.code(), Some(2), "{name}");
        assert!(began.elapsed() < SLOWEST, "{name}: {:.1?}", began.elapsed());
        assert!(
            (used.rusage.maxrss as usize) < LARGEST,
            "{name}: {} MiB",
            used.rusage.maxrss >> 20
        );
    }
    fs::remove_dir_all(folder).expect("the folder can be removed");
}
