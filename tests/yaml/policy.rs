//! What our reader refuses: where, with which code, and in which words; and where things stand in what it accepts.

use std::sync::Arc;

use redis_cluster_gen::{
    error::{Severity, Source},
    yaml::{self, Kind, Node},
};

#[test]
fn refusals() {
    let mut report = String::new();
    for (text, expected) in CASES {
        let actual = refused(text);
        if actual != *expected {
            report += &format!("{text:?}\n  expected {expected:#?}\n  actual {actual:#?}\n");
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// Each problem as `line:column code "marked text" message; related; help`.
fn refused(text: &str) -> Vec<String> {
    let source = Arc::new(Source { name: "x.yaml".to_owned(), text: text.to_owned() });
    let problems = yaml::read(&source).expect_err("the text is refused").problems;
    let line = |problem: &redis_cluster_gen::error::Problem| {
        assert_eq!(problem.severity, Severity::Error);
        let (line, column) = problem.place.line_column();
        let marked = &text[problem.place.span.clone()];
        let mut shown = format!("{line}:{column} {} {marked:?} {}", problem.code, problem.message);
        for (place, label) in &problem.related {
            let (line, column) = place.line_column();
            shown += &format!("; {line}:{column} {label}");
        }
        for help in &problem.help {
            shown += &format!("; help: {help}");
        }
        shown
    };
    problems.iter().map(line).collect()
}

#[test]
fn places_are_those_of_the_text() {
    let text = "\u{feff}# ü\r\n'ä': \"é\" # x\r\nb:\r\n- c  \r\n- d: [e, {f: 1}] # x\r\n  g:\r\n\
                -\r\n- - 😀\r\nh: |  # x\r\n  two\r\n  lines\r\n\r\ni: >-\r\n  x\r\n\"j\" :\r\n  k: ~\r\n\
                l: plain\r\n  text\r\n? m\r\n: {N1, o: }\r\np: ''\r\n";
    let source = Arc::new(Source { name: "x.yaml".to_owned(), text: text.to_owned() });
    let root = yaml::read(&source).expect("the text is accepted");
    let mut places = Vec::new();
    list(&root, "", &source, &mut places);
    assert_eq!(places, PLACES);
}

/// The pointer, place and text of each key and value.
fn list(node: &Node, pointer: &str, source: &Source, places: &mut Vec<String>) {
    let place = |span: &std::ops::Range<usize>| {
        let (line, column) = source.line_column(span.start);
        format!("{line}:{column} {:?}", &source.text[span.clone()])
    };
    match &node.kind {
        Kind::Map(entries) => {
            places.push(format!("{pointer} map of {} at {}", entries.len(), place(&node.span)));
            for entry in entries {
                let pointer = format!("{pointer}/{}", entry.key);
                places.push(format!("{pointer} key {}", place(&entry.key_span)));
                list(&entry.value, &pointer, source, places);
            }
        }
        Kind::List(items) => {
            places.push(format!("{pointer} list of {} at {}", items.len(), place(&node.span)));
            for (i, item) in items.iter().enumerate() {
                list(item, &format!("{pointer}/{i}"), source, places);
            }
        }
        _ => places.push(format!("{pointer} {} at {}", node.to_json(), place(&node.span))),
    }
}

#[rustfmt::skip]
const PLACES: &[&str] = &[
    " map of 8 at 2:1 \"'ä': \\\"é\\\" # x\\r\\nb:\\r\\n- c  \\r\\n- d: [e, {f: 1}] # x\\r\\n  g:\\r\\n-\\r\\n- - 😀\\r\\nh: |  # x\\r\\n  two\\r\\n  lines\\r\\n\\r\\ni: >-\\r\\n  x\\r\\n\\\"j\\\" :\\r\\n  k: ~\\r\\nl: plain\\r\\n  text\\r\\n? m\\r\\n: {N1, o: }\\r\\np: ''\"",
    "/ä key 2:1 \"'ä'\"",
    "/ä \"é\" at 2:6 \"\\\"é\\\"\"",
    "/b key 3:1 \"b\"",
    "/b list of 4 at 4:1 \"- c  \\r\\n- d: [e, {f: 1}] # x\\r\\n  g:\\r\\n-\\r\\n- - 😀\"",
    "/b/0 \"c\" at 4:3 \"c\"",
    "/b/1 map of 2 at 5:3 \"d: [e, {f: 1}] # x\\r\\n  g:\"",
    "/b/1/d key 5:3 \"d\"",
    "/b/1/d list of 2 at 5:6 \"[e, {f: 1}]\"",
    "/b/1/d/0 \"e\" at 5:7 \"e\"",
    "/b/1/d/1 map of 1 at 5:10 \"{f: 1}\"",
    "/b/1/d/1/f key 5:11 \"f\"",
    "/b/1/d/1/f 1 at 5:14 \"1\"",
    "/b/1/g key 6:3 \"g\"",
    "/b/1/g null at 6:5 \"\"",
    "/b/2 null at 7:2 \"\"",
    "/b/3 list of 1 at 8:3 \"- 😀\"",
    "/b/3/0 \"😀\" at 8:5 \"😀\"",
    "/h key 9:1 \"h\"",
    "/h \"two\\nlines\\n\" at 9:4 \"|  # x\\r\\n  two\\r\\n  lines\"",
    "/i key 13:1 \"i\"",
    "/i \"x\" at 13:4 \">-\\r\\n  x\"",
    "/j key 15:1 \"\\\"j\\\"\"",
    "/j map of 1 at 16:3 \"k: ~\"",
    "/j/k key 16:3 \"k\"",
    "/j/k null at 16:6 \"~\"",
    "/l key 17:1 \"l\"",
    "/l \"plain text\" at 17:4 \"plain\\r\\n  text\"",
    "/m key 19:3 \"m\"",
    "/m map of 2 at 20:3 \"{N1, o: }\"",
    "/m/N1 key 20:4 \"N1\"",
    "/m/N1 null at 20:6 \"\"",
    "/m/o key 20:8 \"o\"",
    "/m/o null at 20:10 \"\"",
    "/p key 21:1 \"p\"",
    "/p \"\" at 21:4 \"''\"",
];

#[rustfmt::skip]
const CASES: &[(&str, &[&str])] = &[
    ("a: b: c\n", &[
        "1:5 RCG001 \":\" a second `: ` stands in the value of this line; help: put the value in quotes: 'b: c'",
    ]),
    ("a: http://x: y\n", &[
        "1:12 RCG001 \":\" a second `: ` stands in the value of this line; help: put the value in quotes: 'http://x: y'",
    ]),
    ("a: \"b\": c\n", &[
        "1:7 RCG001 \":\" a second `: ` stands in the value of this line; help: put a comma or a line break before the next key",
    ]),
    ("key with no colon\nother: x\n", &[
        "1:1 RCG001 \"key with no colon\" `key with no colon` is no `key: value`; help: write a `: ` after the key; a value that goes on is indented deeper",
    ]),
    ("a:b\nc: d\n", &[
        "1:1 RCG001 \"a:b\" `a:b` is no `key: value`; help: write a space after the colon: `a: b`",
    ]),
    ("a: b\nc\nd: e\n", &[
        "2:1 RCG001 \"c\" `c` is no `key: value`; help: write a `: ` after the key; a value that goes on is indented deeper",
    ]),
    ("a: b\nc\n", &[
        "2:1 RCG001 \"c\" `c` is no `key: value`; help: write a `: ` after the key; a value that goes on is indented deeper",
    ]),
    ("a:\n- b\n-c\n", &[
        "3:1 RCG001 \"-c\" `-c` is no `key: value`; help: write a space after the `-` of a list item",
    ]),
    ("a: x\n  y: z\n", &[
        "2:3 RCG001 \"y\" this line is indented deeper than the one before, which has a value; 1:1 this line is complete; help: indent both lines alike, or begin the map on a line of its own",
    ]),
    ("a:\n  - b: 1\n     c: 2\n", &[
        "3:6 RCG001 \"c\" this line is indented deeper than the one before, which has a value; 2:3 this line is complete; help: indent both lines alike, or begin the map on a line of its own",
    ]),
    ("a:\n  b: 1\n c: 2\n", &[
        "3:2 RCG001 \"c:\" no line before is indented by one space; help: indent the line like what it belongs to",
    ]),
    ("a: 1\n- b\n", &[
        "2:1 RCG001 \"- b\" a list item stands where a key of the map is expected; help: indent it like the list it belongs to, or write a key",
    ]),
    ("- a\nb: c\n", &[
        "2:1 RCG001 \"b\" the next item of the list is expected here; help: begin the item with `- `, or indent the line to fit what it belongs to",
    ]),
    ("a: - b\n", &[
        "1:4 RCG001 \"-\" a list cannot begin on the line of its key; help: write `- b` on a line of its own, or the text in quotes",
    ]),
    ("--- a: b\n", &[
        "1:6 RCG001 \":\" a map cannot begin on the line of `---`; help: begin it on the next line",
    ]),
    ("a: \"x\nb: c\n", &[
        "1:4 RCG001 \"\\\"\" the quote that opens here is not closed where its text ends; help: close the quote; lines that a text in quotes goes on in are indented",
    ]),
    ("a: 'x\n", &[
        "1:4 RCG001 \"'\" the quote that opens here is not closed where its text ends; help: close the quote; lines that a text in quotes goes on in are indented",
    ]),
    ("a: 'it's'\n", &[
        "1:8 RCG001 \"s'\" the quotes end before this; help: write a single quote inside single quotes twice: `''`",
    ]),
    ("a: \"x\" y\n", &[
        "1:8 RCG001 \"y\" the quotes end before this; help: write a double quote inside double quotes as `\\\"`",
    ]),
    ("a: \"\\q\"\n", &[
        "1:5 RCG001 \"\\\\q\" `\\q` is no escape that YAML knows; help: write `\\\\` for a backslash, or use single quotes",
    ]),
    ("a: \"C:\\Users\"\n", &[
        "1:7 RCG001 \"\\\\U\" `\\U` stands for no character; help: after `\\U` come 8 hexadecimal digits; for a backslash write `\\\\`",
    ]),
    ("a: \"\\ud83d\\ude00\"\n", &[
        "1:5 RCG001 \"\\\\ud83d\" `\\ud83d` stands for no character; help: write the character itself, or its number after `\\U`",
    ]),
    ("a: [1, 2\nb: 3\n", &[
        "1:4 RCG001 \"[\" `[` is still open at a line that does not belong to it; 2:1 this line; help: write `]` where it ends, and indent what stands inside",
    ]),
    ("a: {x: 1, y\nb: 3\n", &[
        "1:4 RCG001 \"{\" `{` is not closed; help: write `}` where it ends",
    ]),
    ("x: {a: 1\n  y: 2}\n", &[
        "2:3 RCG001 \"y\" `,` or `}` is expected before this",
    ]),
    ("a: ]\n", &[
        "1:4 RCG001 \"]\" `]` closes nothing; help: remove it, or put the text in quotes",
    ]),
    ("a: [x y, [z]]]\n", &[
        "1:14 RCG001 \"]\" `]` closes nothing; help: remove it, or put the text in quotes",
    ]),
    ("a: [b,, c]\n", &[
        "1:7 RCG001 \",\" a value is missing before `,`; help: write the value, or put the text in quotes",
    ]),
    ("a: [\nb\n]\n", &[
        "1:4 RCG001 \"[\" `[` is still open at a line that does not belong to it; 2:1 this line; help: write `]` where it ends, and indent what stands inside",
    ]),
    ("a: [- b]\n", &[
        "1:5 RCG001 \"-\" `-` begins no list item inside brackets; help: leave the `-` out, or put it in quotes if it is meant as text",
    ]),
    ("a: {b: c}d\n", &[
        "1:10 RCG001 \"d\" the value ends before this; help: begin the next key on a line of its own, or put the value in quotes",
    ]),
    ("a: @b\n", &[
        "1:4 RCG001 \"@\" a text without quotes cannot begin with `@`; help: put it in quotes: '@b'",
    ]),
    ("a: `b`\n", &[
        "1:4 RCG001 \"`\" a text without quotes cannot begin with a backtick; help: put it in quotes: '`b`'",
    ]),
    ("a: %b\n", &[
        "1:4 RCG001 \"%\" a text without quotes cannot begin with `%`; help: put it in quotes: '%b'",
    ]),
    ("a: * b\n", &[
        "1:4 RCG001 \"*\" a text without quotes cannot begin with `*`; help: put it in quotes: '* b'",
    ]),
    ("a: |b\n  c\n", &[
        "1:4 RCG001 \"|b\" text follows `|` on the same line; help: begin the text on the next line, indented; or put it in quotes",
    ]),
    ("a: |0\n  b\n", &[
        "1:4 RCG001 \"|0\" the text of a block is indented by one space at least; help: leave out the `0`",
    ]),
    ("a: b #c\n  d\n", &[
        "1:6 RCG001 \"#c\" a comment stands inside a text that goes on in the next line; help: put the comment before the text, or the text in quotes",
    ]),
    ("a: ? b\n", &[
        "1:4 RCG001 \"?\" a value cannot begin with `? `; help: put the text in quotes",
    ]),
    ("a: b\n... c\n", &[
        "2:5 RCG001 \"c\" after `...` nothing may follow on the line",
    ]),
    ("{a: b}\nc: d\n", &[
        "2:1 RCG001 \"c:\" the document has ended before this line; help: indent the line to fit what it belongs to, or remove what is before it",
    ]),
    ("a:\n\tb: c\n", &[
        "2:1 RCG001 \"\\t\" a tab indents this line, and YAML is indented with spaces; help: write two spaces for each level; most editors can be set to do so for YAML",
    ]),
    ("\ta: b\n", &[
        "1:1 RCG001 \"\\t\" a tab indents this line, and YAML is indented with spaces; help: write two spaces for each level; most editors can be set to do so for YAML",
    ]),
    ("a:\n  - b\n\t- c\n", &[
        "3:1 RCG001 \"\\t\" a tab indents this line, and YAML is indented with spaces; help: write two spaces for each level; most editors can be set to do so for YAML",
    ]),
    ("a: |\n\tb\n", &[
        "2:1 RCG001 \"\\t\" a tab indents this line, and YAML is indented with spaces; help: write two spaces for each level; most editors can be set to do so for YAML",
    ]),
    ("%YAML 1.2\n---\na: b\n", &[
        "1:1 RCG001 \"%YAML 1.2\" `%YAML 1.2` is a directive, and YAML readers disagree on them; help: leave the line out: every reader takes the right version by itself",
    ]),
    ("# c\n%TAG ! x\n---\na: b\n", &[
        "2:1 RCG001 \"%TAG ! x\" `%TAG ! x` is a directive, and YAML readers disagree on them; help: leave the line out: every reader takes the right version by itself",
    ]),
    ("a: x\nb: \"y\n z\"\nc: [x,\ny]\n", &[
        "4:4 RCG001 \"[\" `[` is still open at a line that does not belong to it; 5:1 this line; help: write `]` where it ends, and indent what stands inside",
    ]),
    ("|\na\n", &[
        "2:1 RCG001 \"a\" this line goes on with the value before, but is not indented deeper than its key; help: indent the line by two more spaces",
    ]),
    ("a: |\n \n  b\n", &[
        "2:1 RCG001 \" \" an empty line at the start of a block has spaces, which some readers refuse; help: remove the spaces",
    ]),
    ("? a\n  b\n: c\n", &[
        "1:3 RCG001 \"a\\n  b\" the key and its colon are not on one line; help: write them on one line",
    ]),
    ("{a\n: b}\n", &[
        "1:2 RCG001 \"a\\n\" the key and its colon are not on one line; help: write them on one line",
    ]),
    ("a: \"x\\\n\n  y\"\n", &[
        "1:6 RCG010 \"\\\\\" an empty line follows this escaped line break, and readers disagree on both; help: write `\\n` for a line break",
    ]),
    ("[[\n[[\n[[\n", &[
        "3:2 RCG001 \"[\" `[` is not closed; help: write `]` where it ends",
    ]),
    ("a: b\n---\nc: d\n", &[
        "2:1 RCG005 \"---\" the file has a second document, and a spec is one document; help: write each spec into a file of its own",
    ]),
    ("a: b\n---\n", &[
        "2:1 RCG005 \"---\" the file has a second document, and a spec is one document; help: leave out this `---`: nothing follows it",
    ]),
    ("...\na: b\n", &[
        "1:1 RCG005 \"...\" `...` ends a document, and some readers see a second one here; help: leave out the `...`",
    ]),
    ("a: b\n...\n...\n", &[
        "3:1 RCG005 \"...\" `...` ends a document, and some readers see a second one here; help: leave out the `...`",
    ]),
    ("a: b\na: c\n'a': d\n", &[
        "2:1 RCG006 \"a\" the key `a` is there twice in one map; 1:1 first here; help: keep one `a`, with all that belongs under it",
        "3:1 RCG006 \"'a'\" the key `a` is there twice in one map; 1:1 first here; help: keep one `a`, with all that belongs under it",
    ]),
    ("a: {b: c, b: d}\nc:\n- e: f\n  e: g\n", &[
        "1:11 RCG006 \"b\" the key `b` is there twice in one map; 1:5 first here; help: keep one `b`, with all that belongs under it",
        "4:3 RCG006 \"e\" the key `e` is there twice in one map; 3:3 first here; help: keep one `e`, with all that belongs under it",
    ]),
    ("1: x\n1.5: x\n~: x\nnull: x\ntrue: x\n: x\n[a]: x\n{b: c}: x\n", &[
        "1:1 RCG007 \"1\" the key `1` is a number, and keys are text; help: write '1'",
        "2:1 RCG007 \"1.5\" the key `1.5` is a number, and keys are text; help: write '1.5'",
        "3:1 RCG007 \"~\" the key `~` is null, and keys are text; help: write '~'",
        "4:1 RCG007 \"null\" the key `null` is null, and keys are text; help: write 'null'",
        "5:1 RCG007 \"true\" the key `true` is a truth value, and keys are text; help: write 'true'",
        "6:1 RCG007 \"\" the key before this `:` is missing; help: write the key, or leave out the `:`",
        "7:1 RCG007 \"[a]\" a list stands where a key belongs, and keys are text; help: write the key as text, in quotes if it has brackets",
        "8:1 RCG007 \"{b: c}\" a map stands where a key belongs, and keys are text; help: write the key as text, in quotes if it has brackets",
    ]),
    ("on: x\nyes: x\nn: x\n0755: x\n2001-01-01: x\n", &[
        "1:1 RCG007 \"on\" the key `on` is true to kubectl and other readers of YAML 1.1, and text to YAML 1.2 readers; help: write 'on'",
        "2:1 RCG007 \"yes\" the key `yes` is true to kubectl and other readers of YAML 1.1, and text to YAML 1.2 readers; help: write 'yes'",
        "3:1 RCG007 \"n\" the key `n` is false to kubectl, and text to other readers; help: write 'n'",
        "4:1 RCG007 \"0755\" the key `0755` is 493 to kubectl and other readers of YAML 1.1, and 755 to YAML 1.2 readers; help: write '0755'",
        "5:1 RCG007 \"2001-01-01\" the key `2001-01-01` is a date to YAML 1.1 readers such as PyYAML, and text to kubectl and YAML 1.2 readers; help: write '2001-01-01'",
    ]),
    ("a: {{ .Values.b }}\n", &[
        "1:5 RCG007 \"{ .Values.b }\" a map stands where a key belongs, and keys are text; help: fill in the `{{ }}` of a template before; put it in quotes if it is meant as it stands",
    ]),
    ("a: {{b}: c}\n", &[
        "1:5 RCG007 \"{b}\" a map stands where a key belongs, and keys are text; help: fill in the `{{ }}` of a template before; put it in quotes if it is meant as it stands",
    ]),
    ("a: &b c\nd: *b\n", &[
        "1:4 RCG008 \"&b\" `&b` is an anchor, and a spec has neither anchors nor aliases; help: write the value out at each place; put a text that begins with `&` in quotes",
        "2:4 RCG008 \"*b\" `*b` is an alias, and a spec has neither anchors nor aliases; 1:4 this one; help: write the value out",
    ]),
    ("a: *.log\n", &[
        "1:4 RCG008 \"*.log\" `*.log` is an alias, and a spec has neither anchors nor aliases; help: write '*.log' for a text that begins with `*`",
    ]),
    ("&a b: c\n", &[
        "1:1 RCG008 \"&a\" `&a` is an anchor, and a spec has neither anchors nor aliases; help: write the value out at each place; put a text that begins with `&` in quotes",
    ]),
    ("- &a [b]\n- *a\n", &[
        "1:3 RCG008 \"&a\" `&a` is an anchor, and a spec has neither anchors nor aliases; help: write the value out at each place; put a text that begins with `&` in quotes",
        "2:3 RCG008 \"*a\" `*a` is an alias, and a spec has neither anchors nor aliases; 1:3 this one; help: write the value out",
    ]),
    ("*a : b\n", &[
        "1:1 RCG008 \"*a\" `*a` is an alias, and a spec has neither anchors nor aliases; help: write '*a' for a text that begins with `*`",
    ]),
    ("a: {b: c}\n<<: {d: e}\n<<: *a\n", &[
        "2:1 RCG009 \"<<\" `<<` merges another map into this one, and a spec merges nothing; help: write the keys out",
        "3:1 RCG009 \"<<\" `<<` merges another map into this one, and a spec merges nothing; help: write the keys out",
        "3:5 RCG008 \"*a\" `*a` is an alias, and a spec has neither anchors nor aliases; help: write '*a' for a text that begins with `*`",
    ]),
    ("a: yes\nb: Off\nc: y\nd: 0755\ne: 0o17\nf: 1_000\ng: 12:30:45\nh: 0:30\ni: 2001-01-01\nj: =\nk: <<\nl: 1e3\nm: 08\nn: -.5\no: 0b11\np: 1.0e3\n", &[
        "1:4 RCG010 \"yes\" `yes` is true to kubectl and other readers of YAML 1.1, and text to YAML 1.2 readers; help: write 'yes' for the text; help: write `true` for the truth value",
        "2:4 RCG010 \"Off\" `Off` is false to kubectl and other readers of YAML 1.1, and text to YAML 1.2 readers; help: write 'Off' for the text; help: write `false` for the truth value",
        "3:4 RCG010 \"y\" `y` is true to kubectl, and text to other readers; help: write 'y' for the text; help: write `true` for the truth value",
        "4:4 RCG010 \"0755\" `0755` is 493 to kubectl and other readers of YAML 1.1, and 755 to YAML 1.2 readers; help: write '0755' for the text; help: write `493` or `755` for the number",
        "5:4 RCG010 \"0o17\" `0o17` is text to YAML 1.1 readers such as PyYAML, and 15 to kubectl and YAML 1.2 readers; help: write '0o17' for the text; help: write `15` for the number",
        "6:4 RCG010 \"1_000\" `1_000` is 1000 to kubectl and other readers of YAML 1.1, and text to YAML 1.2 readers; help: write '1_000' for the text; help: write `1000` for the number",
        "7:4 RCG010 \"12:30:45\" `12:30:45` is 45045 to YAML 1.1 readers such as PyYAML, and text to kubectl and YAML 1.2 readers; help: write '12:30:45' for the text",
        "8:4 RCG010 \"0:30\" `0:30` is text to most readers, and a number or a date to some; help: write '0:30' for the text",
        "9:4 RCG010 \"2001-01-01\" `2001-01-01` is a date to YAML 1.1 readers such as PyYAML, and text to kubectl and YAML 1.2 readers; help: write '2001-01-01' for the text",
        "10:4 RCG010 \"=\" `=` is an error to YAML 1.1 readers such as PyYAML, and text to kubectl and YAML 1.2 readers; help: write '=' for the text",
        "11:4 RCG010 \"<<\" `<<` is an error to YAML 1.1 readers such as PyYAML, and text to kubectl and YAML 1.2 readers; help: write '<<' for the text",
        "12:4 RCG010 \"1e3\" `1e3` is text to YAML 1.1 readers such as PyYAML, and 1000 to kubectl and YAML 1.2 readers; help: write '1e3' for the text; help: write `1000` for the number",
        "13:4 RCG010 \"08\" `08` is text to YAML 1.1 readers such as PyYAML, and 8 to kubectl and YAML 1.2 readers; help: write '08' for the text; help: write `8` for the number",
        "14:1 RCG007 \"n\" the key `n` is false to kubectl, and text to other readers; help: write 'n'",
        "14:4 RCG010 \"-.5\" `-.5` is text to YAML 1.1 readers such as PyYAML, and -0.5 to kubectl and YAML 1.2 readers; help: write '-.5' for the text; help: write `-0.5` for the number",
        "15:4 RCG010 \"0b11\" `0b11` is 3 to kubectl and other readers of YAML 1.1, and text to YAML 1.2 readers; help: write '0b11' for the text; help: write `3` for the number",
        "16:4 RCG010 \"1.0e3\" `1.0e3` is text to YAML 1.1 readers such as PyYAML, and 1000 to kubectl and YAML 1.2 readers; help: write '1.0e3' for the text; help: write `1000` for the number",
    ]),
    ("a: [b?c, :d, e:]\n", &[
        "1:5 RCG010 \"b?c\" `b?c` stands in brackets, where readers of YAML disagree on it; help: write 'b?c'",
        "1:10 RCG010 \":d\" `:d` stands in brackets, where readers of YAML disagree on it; help: write ':d'",
        "1:15 RCG010 \":\" `:` has no space after it, and in brackets readers of YAML disagree on that; help: write a space after the `:`, or the text in quotes",
    ]),
    ("a: !b c\nd: !!str 1\ne: ! f\n- g\n", &[
        "1:4 RCG011 \"!b\" `!b` is a tag, and a spec has none; help: leave it out; put a text that begins with `!` in quotes",
        "2:4 RCG011 \"!!str\" `!!str` is a tag, and a spec has none; help: leave it out and put the value in quotes",
        "3:4 RCG011 \"!\" `!` is a tag, and a spec has none; help: leave it out; put a text that begins with `!` in quotes",
        "4:1 RCG001 \"- g\" a list item stands where a key of the map is expected; help: indent it like the list it belongs to, or write a key",
    ]),
    ("!!map\na: b\n", &[
        "1:1 RCG011 \"!!map\" `!!map` is a tag, and a spec has none; help: leave it out; put a text that begins with `!` in quotes",
    ]),
    ("a: !b!c d\n", &[
        "1:4 RCG011 \"!b!c\" `!b!c` is no tag, and a spec has none; help: put the text in quotes",
    ]),
    ("", &[
        "1:1 RCG012 \"\" the file is empty; help: `redis-cluster-gen init` writes a spec to begin with",
    ]),
    ("\n\n", &[
        "3:1 RCG012 \"\" the file is empty; help: `redis-cluster-gen init` writes a spec to begin with",
    ]),
    ("# a\n", &[
        "2:1 RCG012 \"\" the file has no value, only comments or an empty document; help: `redis-cluster-gen init` writes a spec to begin with",
    ]),
    ("---\n", &[
        "2:1 RCG012 \"\" the file has no value, only comments or an empty document; help: `redis-cluster-gen init` writes a spec to begin with",
    ]),
    ("---\n# a\n...\n", &[
        "4:1 RCG012 \"\" the file has no value, only comments or an empty document; help: `redis-cluster-gen init` writes a spec to begin with",
    ]),
    ("a: 18446744073709551616\nb: -9223372036854775809\nc: .inf\nd: .NaN\n'e': 0xFFFFFFFFFFFFFFFFFF\n", &[
        "1:4 RCG013 \"18446744073709551616\" `18446744073709551616` is too large for a number of 64 bits; help: write '18446744073709551616' if it is meant as text",
        "2:4 RCG013 \"-9223372036854775809\" `-9223372036854775809` is too large for a number of 64 bits; help: write '-9223372036854775809' if it is meant as text",
        "3:4 RCG013 \".inf\" `.inf` is an infinite number; help: write '.inf' if it is meant as text",
        "4:4 RCG013 \".NaN\" `.NaN` is no number; help: write '.NaN' if it is meant as text",
        "5:6 RCG013 \"0xFFFFFFFFFFFFFFFFFF\" `0xFFFFFFFFFFFFFFFFFF` is too large for a number of 64 bits; help: write '0xFFFFFFFFFFFFFFFFFF' if it is meant as text",
    ]),
    ("a: b\u{7}\n", &[
        "1:5 RCG014 \"\\u{7}\" U+0007 (control character) may not stand in YAML as it is; help: remove it, or write the text in double quotes with `\\x07` for it",
    ]),
    ("a: 'b\u{7f}'\nc: \"d\u{85}e\"\n# \u{2028}\n\u{feff}g: h\ni: \u{ffff}\n", &[
        "1:6 RCG014 \"\\u{7f}\" U+007F (delete) may not stand in YAML as it is; help: remove it, or write the text in double quotes with `\\x7F` for it",
        "2:6 RCG014 \"\\u{85}\" U+0085 (next line) ends the line to YAML 1.1 readers, and not to others; help: remove it, or write the text in double quotes with `\\x85` for it",
        "3:3 RCG014 \"\\u{2028}\" U+2028 (line separator) ends the line to YAML 1.1 readers, and not to others; help: remove it, or write the text in double quotes with `\\u2028` for it",
        "4:1 RCG014 \"\\u{feff}\" U+FEFF (byte order mark) stands inside the file, where YAML readers refuse it; help: remove it, or write the text in double quotes with `\\uFEFF` for it",
        "5:4 RCG014 \"\\u{ffff}\" U+FFFF (not a character) may not stand in YAML as it is; help: remove it, or write the text in double quotes with `\\uFFFF` for it",
    ]),
    ("a: b\rc: d\n", &[
        "1:5 RCG014 \"\\r\" U+000D (carriage return) without a line feed ends the line to some readers only; help: remove it, or write the text in double quotes with `\\r` for it",
    ]),
    ("a:\tb\nc: d\t\ne: [f,\tg] # \t\n", &[
        "1:3 RCG014 \"\\t\" a tab stands outside of quotes, where PyYAML and others refuse it; help: write a space instead, or nothing at the end of a line",
    ]),
    ("\u{feff}ä: yes\r\nö: [&x 1, *x]\r\nü: {d: 1, d: 2}\r\n😀: 0755\r\nz: \"\r\n", &[
        "1:4 RCG010 \"yes\" `yes` is true to kubectl and other readers of YAML 1.1, and text to YAML 1.2 readers; help: write 'yes' for the text; help: write `true` for the truth value",
        "2:5 RCG008 \"&x\" `&x` is an anchor, and a spec has neither anchors nor aliases; help: write the value out at each place; put a text that begins with `&` in quotes",
        "2:11 RCG008 \"*x\" `*x` is an alias, and a spec has neither anchors nor aliases; 2:5 this one; help: write the value out",
        "3:11 RCG006 \"d\" the key `d` is there twice in one map; 3:5 first here; help: keep one `d`, with all that belongs under it",
        "4:4 RCG010 \"0755\" `0755` is 493 to kubectl and other readers of YAML 1.1, and 755 to YAML 1.2 readers; help: write '0755' for the text; help: write `493` or `755` for the number",
        "5:4 RCG001 \"\\\"\" the quote that opens here is not closed where its text ends; help: close the quote; lines that a text in quotes goes on in are indented",
    ]),
];
