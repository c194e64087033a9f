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
        "9,000 patches",
        with_head(&format!(
            "  patches:\n{}",
            "  - {target: {kind: StatefulSet}, merge: {spec: {minReadySeconds: 9}}}\n"
                .repeat(9_000)
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
    // Each of many is compared with each of many others.
    let (long, shards) = ("n".repeat(50), "  topology:\n    shards: 500\n");
    let redis = |fields: &str| {
        format!(
            "  patches:\n  - target: {{kind: StatefulSet}}\n    merge: \
             {{spec: {{template: {{spec: {{containers: [{{name: redis, {fields}}}]}}}}}}}}\n"
        )
    };
    let variables = |value: &str| many(12_000, &|n| format!("{{name: A{n}, value: {value}}}, "));
    add("a patch of 12,000 variables", with_head(&redis(&format!("env: [{}]", variables("b")))));
    add(
        "a patch of 12,000 variables that are wrong",
        with_head(&redis(&format!("env: [{}]", variables("1")))),
    );
    add(
        "4,000 patches of containers that there are not, beside 4,000 sidecars",
        with_head(&format!(
            "  pod:\n    sidecars:\n{}  patches:\n{}",
            many(4_000, &|n| format!("    - {{name: {long}{n}, image: b}}\n")),
            many(4_000, &|n| format!(
                "  - {{target: {{kind: StatefulSet}}, merge: {{spec: {{template: {{spec: {{containers: [{{name: {long}{n}x}}]}}}}}}}}}}\n"
            )),
        )),
    );
    add(
        "5,000 mounts of volumes that there are not, beside 6,000 volumes",
        with_head(&format!(
            "  pod:\n    volumes:\n{}    volumeMounts:\n{}",
            many(6_000, &|n| format!("    - {{name: {long}{n}, emptyDir: {{}}}}\n")),
            many(5_000, &|n| format!("    - {{name: {long}{n}x, mountPath: /a{n}}}\n")),
        )),
    );
    add(
        "8,000 patches of none of 500 StatefulSets",
        with_head(&format!(
            "{shards}  patches:\n{}",
            many(8_000, &|n| format!(
                "  - {{target: {{kind: StatefulSet, name: n{n}}}, merge: {{a: 1}}}}\n"
            ))
        )),
    );
    add(
        "7,000 patches of each of 500 StatefulSets",
        with_head(&format!(
            "{shards}  patches:\n{}",
            "  - {target: {kind: StatefulSet}, merge: {spec: {minReadySeconds: 9}}}\n"
                .repeat(7_000)
        )),
    );
    add(
        "8,000 further manifests, some like each of 500 StatefulSets",
        with_head(&format!(
            "{shards}  extraManifests:\n{}",
            many(8_000, &|n| format!(
                "  - {{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: orders-shard-{n}}}}}\n"
            ))
        )),
    );

    // Many mistakes of one kind.
    let manifest = |rest: &str| {
        with_head(&format!(
            "  extraManifests:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: a}}\n    {rest}\n"
        ))
    };
    add("80,000 fragile texts", manifest(&format!("x: [{}]", "\"\\a\", ".repeat(80_000))));
    add("80,000 texts for Flux", manifest(&format!("x: [{}]", "\"${\", ".repeat(80_000))));
    for (list, item, count) in [
        ("patches", "{}", 60_000),
        ("persistence:\n    snapshots", "{}", 60_000),
        ("topology:\n    zones", "1", 100_000),
        ("pod:\n    env", "a", 100_000),
        ("pod:\n    sidecars", "{tti: true}", 14_000),
    ] {
        let items = format!("    - {item}\n").repeat(count);
        add(
            &format!("{count} times {item:?} in {list:?}"),
            with_head(&format!("  {list}:\n{items}")),
        );
    }

    // A long text that many others are told with.
    let longest = "n".repeat(SIZE / 2);
    let misspelt = many(20_000, &|n| format!("    maxmemor{n}: 1\n"));
    for version in ["8.0.6", "9.9.9"] {
        add(
            &format!("unknown directives and a version as long as {version}-{}...", &longest[..9]),
            format!(
                "{}  config:\n{misspelt}",
                HEAD.replace("8.0.6", &format!("{version}-{longest}"))
            )
            .into_bytes(),
        );
    }
    add(
        "patches that match nothing, and a long name",
        format!(
            "{}{shards}  patches:\n{}",
            HEAD.replace("orders", &longest),
            many(5_000, &|n| format!(
                "  - {{target: {{kind: StatefulSet, name: n{n}}}, merge: {{a: 1}}}}\n"
            ))
        )
        .into_bytes(),
    );
    add(
        "Secrets elsewhere, and a long namespace",
        format!(
            "{}  extraManifests:\n{}",
            HEAD.replace("orders", &format!("orders\n  namespace: {longest}")),
            many(4_000, &|n| format!(
                "  - {{kind: Secret, apiVersion: v1, metadata: {{name: s{n}, namespace: a}}, data: {{a: bbbb{n}}}}}\n"
            ))
        )
        .into_bytes(),
    );
    let texts = |text: &str| many(20_000, &|n| format!("a{n}: {text}, "));
    add(
        "20,000 texts for Flux under a long key",
        manifest(&format!("x: {{? {longest} : {{{}}}}}", texts("\"${\""))),
    );
    add(
        "20,000 decimals under a long key, and a mistake",
        [manifest(&format!("x: {{? {longest} : {{{}}}}}", texts("1.0"))), b"  a: 1\n".to_vec()]
            .concat(),
    );
    add(
        "a list of 50,000 open quotes under a long key",
        with_head(&format!("  config: {{? {longest} : [{}]}}\n", "\"'\", ".repeat(50_000))),
    );
    // Users, each with lists of its own, and names that are compared with all known ones.
    let users = |user: &dyn Fn(usize) -> String, count: usize| {
        with_head(&format!("  auth:\n    users:\n{}", many(count, user)))
    };
    add(
        "20,000 users",
        users(&|n| format!("    - {{name: u{n}, commands: [\"+get\"]}}\n"), 20_000),
    );
    add(
        "20,000 users of one name",
        users(&|_| "    - {name: app, keys: [a*]}\n".to_owned(), 20_000),
    );
    add(
        "20,000 users of other Secrets",
        users(&|n| format!("    - {{name: u{n}, passwordSecret: {{name: s{n}}}}}\n"), 15_000),
    );
    let list = |field: &str, count: usize, item: &dyn Fn(usize) -> String| {
        with_head(&format!(
            "  auth:\n    users:\n    - name: app\n      {field}:\n{}",
            many(count, &|n| format!("      - {}\n", item(n)))
        ))
    };
    add("50,000 commands of a user", list("commands", 50_000, &|_| "\"+get\"".to_owned()));
    add("40,000 commands that there are not", list("commands", 40_000, &|n| format!("+geet{n}")));
    add(
        "40,000 subcommands that there are not",
        list("commands", 40_000, &|n| format!("+config|ge{n}")),
    );
    add(
        "40,000 categories that there are not",
        list("commands", 40_000, &|n| format!("\"+@reed{n}\"")),
    );
    add("a command of 500 KB", list("commands", 1, &|_| format!("+{longest}")));
    add("60,000 keys of a user", list("keys", 60_000, &|n| format!("k{n}:*")));
    add("60,000 keys with blanks", list("keys", 60_000, &|n| format!("k {n}")));

    // Hosts and ports outside, as many as there are pods, and more.
    let largest = "  topology:\n    shards: 500\n    replicasPerShard: 10\n";
    let outside = |rest: &str| {
        with_head(&format!("{largest}  network:\n    external:\n      type: LoadBalancer\n{rest}"))
    };
    let hosts = |count: usize, host: &dyn Fn(usize) -> String| {
        outside(&format!("      hosts:\n{}", many(count, &|n| format!("      - {}\n", host(n)))))
    };
    add("a host for each of 5,500 pods", hosts(5_500, &|n| format!("h{n}.example.com")));
    add("60,000 hosts", hosts(60_000, &|n| format!("h{n}.example.com")));
    add("40,000 times the same host", hosts(40_000, &|_| "h.example.com".to_owned()));
    add("40,000 hosts that are none", hosts(40_000, &|n| format!("\"h {n}\"")));
    add("a host of 500 KB", outside(&format!("      host: POD.{longest}\n")));
    add(
        "a host with POD 200,000 times",
        outside(&format!("      host: {}\n", "POD.".repeat(200_000))),
    );
    add(
        "10,000 annotations with POD and HOST, for 5,500 pods",
        outside(&format!(
            "      host: POD.example.com\n      annotations:\n{}",
            many(10_000, &|n| format!("        a{n}: HOST-POD-HOST\n"))
        )),
    );
    // As many pods as a valid spec can have.
    let valid = "  topology:\n    shards: 500\n    replicasPerShard: 1\n";
    add(
        "a patch of 900 KB, for 500 StatefulSets",
        with_head(&format!(
            "{valid}  patches:\n  - target: {{kind: StatefulSet}}\n    merge: {{metadata: {{annotations: {{a: {}}}}}}}\n",
            "b".repeat(900_000)
        )),
    );
    add(
        "15 KB of sidecars, in 500 StatefulSets",
        with_head(&format!(
            "{valid}  pod:\n    sidecars:\n{}",
            many(300, &|n| format!("    - {{name: a{n}, image: \"b:1\"}}\n"))
        )),
    );
    add(
        "500 ranges of addresses, for 1,000 Services",
        with_head(&format!(
            "{valid}  network:\n    external:\n      type: LoadBalancer\n      host: POD.example.com\n      loadBalancerSourceRanges:\n{}",
            many(500, &|n| format!("      - 10.0.{}.0/24\n", n % 256))
        )),
    );
    add(
        "40,000 ranges of addresses",
        outside(&format!(
            "      host: POD.example.com\n      loadBalancerSourceRanges:\n{}",
            many(40_000, &|n| format!("      - 10.0.{n}.0/24\n"))
        )),
    );
    // Backups, and what a user's container may have.
    let backup = |rest: &str| with_head(&format!("  backup:\n    schedule: \"@daily\"\n{rest}"));
    add("a schedule of 500 KB", with_head(&format!("  backup:\n    schedule: \"{longest}\"\n")));
    add(
        "a schedule of 200,000 fields",
        with_head(&format!("  backup:\n    schedule: \"{}\"\n", "* ".repeat(200_000))),
    );
    add(
        "a schedule of 200,000 minutes",
        with_head(&format!("  backup:\n    schedule: \"{}1 * * * *\"\n", "1,".repeat(200_000))),
    );
    add("a time zone of 500 KB", backup(&format!("    timeZone: {longest}\n")));
    add(
        "an upload with 20,000 variables",
        backup(&format!(
            "    upload:\n      name: a\n      image: b\n      env:\n{}",
            many(20_000, &|n| format!("      - {{name: A{n}, value: b}}\n"))
        )),
    );
    add(
        "a backup's name of 500 KB",
        with_head(&format!("  restore: {{backup: {longest}, claimName: a}}\n")),
    );

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
            "topology: {retiring: {shards: N, replicasPerShard: N}}",
            "topology: {shards: 500, replicasPerShard: 10, retiring: {shards: N}}",
            "network: {external: {type: NodePort, host: a.example.com, firstNodePort: N}}",
            "backup: {schedule: \"@daily\", keep: N, timeoutSeconds: N, volume: {size: N}}",
            "restore: {backup: a/b, claimName: c, timeoutSeconds: N}",
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
