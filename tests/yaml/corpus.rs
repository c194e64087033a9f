//! Strings that YAML writers get wrong; the same ones in every run.

use std::collections::HashSet;

/// All difficult strings, each once.
pub(crate) fn strings() -> Vec<String> {
    let mut all = Vec::new();
    all.extend(words());
    all.extend(plain_scalars().into_iter().map(str::to_owned));
    all.extend(indicators());
    all.extend(scripts());
    all.extend(characters());
    all.extend(long_lines());
    all.extend(everyday());
    all.extend(random(500));
    let mut seen = HashSet::new();
    all.retain(|string| seen.insert(string.clone()));
    all
}

/// Each word in lower case, upper case, with a capital, and mixed.
fn words() -> Vec<String> {
    const WORDS: &str = "y n t f yes no on off true false null nil none nan inf infinity .nan .inf -.inf +.inf e1 ~ \
                         undefined void";
    let mut all = Vec::new();
    for word in WORDS.split(' ') {
        let capital = |at: usize| -> String {
            word.char_indices()
                .map(|(i, c)| if i == at { c.to_ascii_uppercase() } else { c })
                .collect()
        };
        all.extend([word.to_owned(), word.to_uppercase()]);
        all.extend((0..word.len()).map(capital));
        all.extend([
            format!("{word} "),
            format!(" {word}"),
            format!("-{word}"),
            format!("--{word}"),
        ]);
    }
    all
}

/// What one reader or another takes for a number, a date, a truth value or nothing.
pub(crate) fn plain_scalars() -> Vec<&'static str> {
    const SCALARS: &str = "
        0 1 -1 +1 -0 +0 00 000 01 07 08 09 010 0755 -0755 +0755 0644 0777 0888 0_7 0_ 0__ 1_ 1_000 1__0 _1 -_1 +_1 1_000_000
        0o17 0O17 0o8 0o 0o1_7 -0o17 +0o17 0x1F 0X1F 0x1f -0x1F +0x1F 0x 0x_ 0x_1 0x1_F 0xfg 0xdeadbeef
        0b11 0B11 -0b11 +0b11 0b 0b_ 0b1_0 0b12
        9223372036854775807 9223372036854775808 -9223372036854775808 18446744073709551615 +18446744073709551615
        1.5 -1.5 +1.5 1. -1. +1. 0. .5 -.5 +.5 . .. -. +. ._ ._1 .5_0 1_0.5 1.5_0 _1.5 08.5 01.5 00.5 0.50
        1e3 1E3 1e+3 1e-3 -1e3 +1e3 1.0e3 1.0e+3 1.0e-3 1.0E+3 1.e3 1.e+3 .5e3 .5e+3 -.5e+3 1e 1e+ e1 e3 1e03 12e03 +12e03
        1e1000 1.0e+1000 1_0e3 1_0.0e+3 1.0e+3_0 1e3_0 1d3 1f 1.5f
        .inf .Inf .INF -.inf +.inf .nan .NaN .NAN -.nan +.nan inf -inf +inf nan NaN Infinity
        1:30 12:30 12:30:45 190:20:30 190:20:30.15 -12:30 +12:30 0:30 00:30 01:30 09:30 1:60 1:5 1:05 1:5:5 1_0:30 12:30.5
        1:2:3:4 6379:6379 16379:6379 10:00-11:00 23:59:59 99:59
        2001-01-01 2001-1-1 2001-13-45 2001-01-01T12:30:45Z 2001-01-01t12:30:45Z 2001-01-01T12:30:45 2001-01-01T1:02:03Z
        2001-01-01T12:30:45+01:00 2001-01-01T12:30:45.123Z 2001-01-01T12:30:45.Z 2001-01-01T12:30:45-5 2001-1-1T1:00:00Z
        2001-01-01T12:30 2001-01 2001 20010101 2001-01-01Z 01-01-2001 2001/01/01
        y Y n N yes Yes YES yEs no No NO nO on On ON oN off Off OFF oFF true True TRUE tRue false False FALSE fAlse
        ~ null Null NULL nUll none nil t f T F = << == <<< =a <
        7.0 7.2.4 8.0 1.33 v1 1.2.3.4 10.0.0.0/8 ::1 fe80::1 8Gi 500m 1Gi 100Mi 30s 5m 1h30m 7d 50% 1e3x 0x1g 1,000 1'000
        redis://x:6379 a:b a#b a.b a-b a/b a_b a b-c $x (x) /data _x éa ü 日本 foo@bar x=y --port -p -1x --
        ";
    // `1.0 ` is no scalar, but blanks inside make one.
    let spaced = [
        "2001-01-01 12:30:45",
        "2001-01-01 12:30:45 Z",
        "2001-01-01 12:30:45 +1",
        "2001-01-01 12:30:45 +01:00",
        "2001-01-01 12:30:45 -05:30",
        "2001-01-01  12:30:45.5",
        "2001-01-01 1:30:45",
        "1 000",
        "+ 1",
        "yes no",
        "true false",
    ];
    SCALARS.split_whitespace().chain(spaced).collect()
}

/// Every indicator and bracket at every place.
fn indicators() -> Vec<String> {
    const MARKS: &str = "-?:,[]{}#&*!|>'\"%@`~=<\\/.+$()^;_";
    let mut all = Vec::new();
    for mark in MARKS.chars() {
        all.extend([
            format!("{mark}"),
            format!("{mark}{mark}"),
            format!("{mark}{mark}{mark}"),
            format!("{mark}a"),
            format!("{mark} a"),
            format!("a{mark}"),
            format!("a {mark}"),
            format!("a{mark}b"),
            format!("a {mark}b"),
            format!("a{mark} b"),
            format!("a {mark} b"),
            format!(" {mark}a"),
            format!("{mark}1"),
            format!("{mark}\na"),
            format!("a\n{mark} b\n"),
        ]);
    }
    all
}

/// Texts of several lines: every beginning with every middle and every end.
fn scripts() -> Vec<String> {
    const BEGINNINGS: [&str; 14] = [
        "#!/bin/sh\n",
        "set -eu\n",
        "",
        "\n",
        "\n\n",
        " \n",
        "  indented\n",
        "\ttab\n",
        "\t\n",
        "# comment\n",
        "- item\n",
        "key: value\n",
        "---\n",
        "\r\n",
    ];
    const MIDDLES: [&str; 16] = [
        "echo \"hello\"\n",
        "if true; then\n  echo yes\nfi\n",
        "if true; then\n\techo tab\nfi\n",
        "echo trailing blank \n",
        "echo trailing tab\t\n",
        "echo\n\n\necho\n",
        "echo\n   \necho\n",
        "echo\n\t\necho\n",
        "echo one\r\necho two\r\n",
        "echo \\\n  continued\n",
        "cat <<'EOF'\n  # not a comment\n: text\nEOF\n",
        "sed -i \"s/myself\\(.*\\) [0-9.]*:/myself\\1 $POD_IP:/\" nodes.conf\n",
        "...\n---\n%YAML 1.1\n",
        "ünïcödé ✓ 日本 🎉\n",
        "a: b\nc: d\n",
        "echo 'a' \"b\" `c` $(d) $((1 + 2)) \\n \\t\n",
    ];
    const ENDS: [&str; 8] =
        ["", "exec \"$@\"", "exec \"$@\"\n", "\n", "\n\n\n", " ", "  \n", "end\t"];
    let mut all = Vec::new();
    for (b, beginning) in BEGINNINGS.iter().enumerate() {
        for (m, middle) in MIDDLES.iter().enumerate() {
            for (e, end) in ENDS.iter().enumerate() {
                // With each of two parts, every third.
                if b == 0 || m == 0 || e == 2 {
                    all.push(format!("{beginning}{middle}{end}"));
                }
            }
        }
    }
    all
}

/// Characters that are no letters, alone and at every place of a text of one line or more.
fn characters() -> Vec<String> {
    let ranges = [0..=0x20, 0x7f..=0xa0, 0x2028..=0x202e, 0x2066..=0x2069, 0xfff9..=0xffff];
    let single = [
        0xad, 0x1680, 0x180e, 0x2000, 0x200a, 0x200b, 0x200d, 0x202f, 0x205f, 0x2060, 0x3000,
        0xd7ff, 0xe000, 0xfdd0, 0xfeff, 0x10000, 0x1f600, 0x1fffe, 0x1ffff, 0xe0001, 0x10ffff,
    ];
    let mut all = Vec::new();
    for code in ranges.into_iter().flatten().chain(single) {
        let Some(c) = char::from_u32(code) else { continue };
        all.extend([
            format!("{c}"),
            format!("{c}a"),
            format!("a{c}"),
            format!("a{c}b"),
            format!("a {c} b"),
            format!("a\n{c}b\n"),
            format!("a{c}\nb\n"),
            format!("{c}\na"),
        ]);
    }
    all
}

fn long_lines() -> Vec<String> {
    let mut all = Vec::new();
    for length in
        [70, 79, 80, 81, 127, 128, 129, 500, 998, 999, 1000, 1001, 1022, 1023, 1024, 1025, 3000]
    {
        all.extend([
            "x".repeat(length),
            "word ".repeat(length / 5),
            format!("{}: {}", "k".repeat(length / 2), "v".repeat(length / 2)),
            format!("'{}", "x".repeat(length)),
            format!("{}\n{}\n", "x".repeat(length), "word ".repeat(length / 5)),
            format!("{}\u{85}", "é".repeat(length)),
        ]);
    }
    all
}

/// What stands in the manifests of a Redis cluster.
fn everyday() -> Vec<String> {
    [
        "",
        "appendonly yes\nsave 900 1\n",
        "maxmemory 1gb",
        "redis-cluster",
        "redis:8.0.3-alpine@sha256:0123456789abcdef",
        "registry.example.com:5000/redis",
        "redis-0.redis-headless.default.svc.cluster.local",
        "metadata.name",
        "$(POD_NAME).redis",
        "6379",
        "0.0.0.0/0",
        "*",
        "user default on >secret ~* &* +@all",
        "{\"a\": [1, 2]}",
        "[\"redis-server\", \"/etc/redis/redis.conf\"]",
        "{{ .Values.x }}",
        "${VAR}",
        "kubernetes.io/hostname",
        "prometheus.io/scrape",
        "__proto__",
        "constructor",
        "👩‍👩‍👧 family",
        "שלום עולם",
        "مرحبا",
        "a\u{301}",
        "\u{301}a",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Strings of difficult pieces, from a fixed seed.
fn random(count: usize) -> Vec<String> {
    const PIECES: [&str; 48] = [
        "a", "b", "yes", "0", "1", " ", " ", "  ", "\n", "\n", "\n\n", "\t", "\r", "\r\n", ":",
        ": ", "#", " #", "-", "- ", "?", "? ", "'", "\"", "\\", "|", ">", "&", "*", "!", "%", "@",
        "`", "{", "}", "[", "]", ",", "é", "🎉", "\u{85}", "\u{a0}", "\u{2028}", "\u{feff}",
        "\u{7f}", "\u{0}", "---", "...",
    ];
    let mut random = Random(0x5eed);
    (0..count)
        .map(|_| {
            let length = 1 + random.below(12);
            (0..length).map(|_| PIECES[random.below(PIECES.len())]).collect()
        })
        .collect()
}

/// SplitMix64: enough for test data, and the same everywhere.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("it is below a usize")
    }
}
