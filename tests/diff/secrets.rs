//! 40 secrets, in every field that could carry one: found in no format, at no verbosity, in no error.

use crate::sandbox::{Ran, Sandbox, spec_with};

/// A secret that looks like nothing: no two have a part in common that is longer than the beginning.
fn secret(number: usize) -> String {
    format!("Planted{number:02}x{:06X}", number * 7_654_321 % 0xff_ffff)
}

/// Manifests with a secret in each place; `shift` tells the sides apart.
fn manifests(shift: usize) -> (String, Vec<String>) {
    let mut planted = Vec::new();
    let mut s = |number: usize| {
        let secret = secret(number + shift);
        planted.push(secret.clone());
        secret
    };
    let base64 = |text: &str| {
        use base64::Engine;
        base64::prelude::BASE64_STANDARD.encode(text)
    };
    let text = format!(
        r#"---
apiVersion: v1
kind: Secret
metadata:
  name: auth
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{{"stringData":{{"a":"{s0}"}}}}'
    example.com/old-password: "{s1}"
data:
  password: {b2}
  nested: {b3}
stringData:
  plain: "{s4}"
  url: "redis://app:{s5}@orders:6379/0"
  users.acl: |
    user default on >{s6} ~* +@all
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: orders
  annotations:
    note: "password={s7}"
data:
  redis.conf: |
    requirepass {s8}
    masterauth "{s9}"
    user app on >{s10} ~* +@all
    tls-key-file-pass {s11}
    tls-client-key-file-pass {s12}
    primaryauth {s13}
    maxclients 1{shift}
  users.acl: |
    user other on >{s14} ~* +@all
  tls.key: |
    -----BEGIN PRIVATE KEY-----
    {s15}
    -----END PRIVATE KEY-----
  app.properties: |
    db.password={s16}
    api_key: {s17}
    "token": "{s18}"
    url = postgres://u:{s19}@db/x
    n = {shift}
  run.sh: |
    redis-cli -a {s20} ping
    redis-cli --pass {s21} ping
    export REDISCLI_AUTH={s22}
    echo 'AUTH app {s23}'
    curl -H 'Authorization: Bearer {s24}' https://example.com/{shift}
    redis-cli ACL SETUSER x on '>{s25}'
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: orders
spec:
  selector:
    matchLabels: {{a: b}}
  template:
    metadata:
      labels: {{a: b}}
      annotations:
        vault.example.com/token: "{s26}"
    spec:
      containers:
      - name: redis
        image: redis:7.2.{patch}
        args: [--requirepass, "{s27}", --masterauth, "{s28}", "--pass={s29}"]
        command: [sh, -c, "redis-cli -a {s30} && echo {shift}"]
        env:
        - name: REDIS_PASSWORD
          value: "{s31}"
        - name: REDISCLI_AUTH
          value: "{s32}"
        - name: DATABASE_URL
          value: "postgres://u:{s33}@db/{shift}"
        - name: EXPORTER_API_TOKEN
          value: "{s34}"
        - name: HARMLESS
          value: "{s31}"
        livenessProbe:
          exec:
            command: [redis-cli, -a, "{s35}", ping]
        lifecycle:
          preStop:
            exec:
              command: [sh, -c, "REDISCLI_AUTH={s36} redis-cli shutdown"]
      - name: sidecar{shift}
        image: x:1
        env:
        - name: ADMIN_PASSWD
          value: "{s37}"
      initContainers:
      - name: init
        image: x:1
        args: ["--token", "{s38}"]
---
apiVersion: batch/v1
kind: Job
metadata:
  name: j{shift}
spec:
  template:
    spec:
      containers:
      - name: a
        image: x:1
        env:
        - name: PGPASSWORD
          value: "{s39}"
"#,
        s0 = s(0),
        s1 = s(1),
        b2 = base64(&s(2)),
        b3 = base64(&format!("a: 1\nb: {}\n", s(3))),
        s4 = s(4),
        s5 = s(5),
        s6 = s(6),
        s7 = s(7),
        s8 = s(8),
        s9 = s(9),
        s10 = s(10),
        s11 = s(11),
        s12 = s(12),
        s13 = s(13),
        s14 = s(14),
        s15 = s(15),
        s16 = s(16),
        s17 = s(17),
        s18 = s(18),
        s19 = s(19),
        s20 = s(20),
        s21 = s(21),
        s22 = s(22),
        s23 = s(23),
        s24 = s(24),
        s25 = s(25),
        s26 = s(26),
        s27 = s(27),
        s28 = s(28),
        s29 = s(29),
        s30 = s(30),
        s31 = s(31),
        s32 = s(32),
        s33 = s(33),
        s34 = s(34),
        s35 = s(35),
        s36 = s(36),
        s37 = s(37),
        s38 = s(38),
        s39 = s(39),
        patch = 5 + shift / 100,
    );
    (text, planted)
}

#[track_caller]
fn assert_hidden(ran: &Ran, planted: &[String], what: &str) {
    use base64::Engine;
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for secret in planted {
        assert!(!said.contains(secret.as_str()), "{what}: {secret} in\n{said}");
        let encoded = base64::prelude::BASE64_STANDARD.encode(secret);
        assert!(!said.contains(encoded.trim_end_matches('=')), "{what}: {secret} in base64");
    }
}

const FORMATS: [&str; 8] =
    ["text", "unified", "json", "markdown", "github", "gitlab", "sarif", "junit"];

#[test]
fn no_format_shows_a_secret() {
    let (old, mut planted) = manifests(0);
    let (new, more) = manifests(100);
    planted.extend(more);
    assert_eq!(planted.len(), 80);
    let sandbox = Sandbox::with(&[("old.yaml", &old), ("new.yaml", &new), ("empty/x.yaml", "")]);
    for secret in &planted {
        let base64 = {
            use base64::Engine;
            base64::prelude::BASE64_STANDARD.encode(secret)
        };
        let nested = secret == &self::secret(3) || secret == &self::secret(103);
        let is_planted =
            [&old, &new].iter().any(|text| text.contains(secret) || text.contains(&base64));
        assert!(is_planted || nested, "{secret} is not planted");
    }
    for format in FORMATS {
        for flags in [&[][..], &["-v"], &["-q"], &["--color", "always"]] {
            for sides in [["old.yaml", "new.yaml"], ["new.yaml", "old.yaml"]] {
                let arguments = [&["diff", "-o", format], flags, &sides].concat();
                let ran = sandbox.run(&arguments);
                assert_eq!(ran.code, Some(1), "{arguments:?}: {}", ran.stderr);
                assert_hidden(&ran, &planted, &format!("{arguments:?}"));
            }
        }
        // All of it is new, or gone.
        let one = Sandbox::with(&[("a/old.yaml", &old), ("b/none.yaml", "")]);
        for sides in [["a", "b"], ["b", "a"]] {
            let ran = one.run(&[&["diff", "-v", "-o", format][..], &sides].concat());
            assert_eq!(ran.code, Some(1), "{}", ran.stderr);
            assert_hidden(&ran, &planted, format);
        }
    }
    // That they changed is said.
    let told = sandbox.run(&["diff", "old.yaml", "new.yaml"]).stdout;
    for path in ["data.password", "data[\"redis.conf\"].requirepass", "env[REDIS_PASSWORD].value"] {
        let line = told.lines().find(|line| line.contains(path));
        assert!(line.is_some_and(|line| line.contains("(hidden)")), "{path}: {told}");
    }
}

#[test]
fn no_error_shows_a_secret() {
    let (old, planted) = manifests(0);
    // Broken in many places: whatever the reader says, it says no value.
    for at in (0..old.len()).step_by(23).filter(|at| old.is_char_boundary(*at)) {
        let broken = format!("{}\n\t]: {{\n{}", &old[..at], &old[at..]);
        let sandbox = Sandbox::with(&[("old.yaml", &old), ("new.yaml", &broken)]);
        let ran = sandbox.run(&["diff", "-v", "new.yaml", "old.yaml"]);
        assert_hidden(&ran, &planted, "broken");
    }
}

#[test]
fn a_wrong_spec_shows_no_secret() {
    for more in [
        "config:\n  requirepass: Planted01xABCDEF\n",
        "config:\n  masterauth: Planted01xABCDEF\n  nonsense: 1\n",
        "pod:\n  env:\n  - name: APP_PASSWORD\n    value: Planted01xABCDEF\n    nonsense: 1\n",
        "extraManifests:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: a}\n  stringData:\n    password: Planted01xABCDEF\n",
    ] {
        let sandbox = Sandbox::with(&[("redis-cluster.yaml", &spec_with("stock", more))]);
        for arguments in [&["diff", "-v"][..], &["check", "-v"], &["check", "--strict"]] {
            let ran = sandbox.run(arguments);
            assert_hidden(&ran, &["Planted01xABCDEF".to_owned()], &format!("{arguments:?} {more}"));
        }
    }
}

/// A spec may carry what is only a warning, in lines that some formats show.
#[test]
fn no_format_shows_a_secret_of_a_spec() {
    let more = "pod:\n  annotations:\n    example.com/db-password: Planted01xABCDEF\n    note: url=redis://a:Planted02xABCDEF@b\n";
    let planted = ["Planted01xABCDEF".to_owned(), "Planted02xABCDEF".to_owned()];
    let sandbox = Sandbox::with(&[
        ("redis-cluster.yaml", &spec_with("stock", more)),
        ("old.yaml", &spec_with("stock", "")),
    ]);
    for format in FORMATS {
        let ran = sandbox.run(&[
            "diff",
            "-v",
            "-o",
            format,
            "redis-cluster.yaml",
            "--against",
            "old.yaml",
        ]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert_hidden(&ran, &planted, format);
    }
}
