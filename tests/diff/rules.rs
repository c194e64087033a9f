//! The table of rules: each is met by a case, and missed when it is taken out.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use redis_cluster_gen::{
    diff::{
        self, Class, Comparison, Judge, Object, Side, Spec,
        rules::{self, RULES},
        write::{Format, Report},
    },
    error::Source,
    objects,
    spec::{self, KubeVersion, Options},
    yaml,
};

use crate::cases;

/// A side of a case, and the spec that it was rendered from.
fn side(case: &Path, name: &str) -> (Side, Vec<Spec>) {
    let text = fs::read_to_string(case.join(name)).expect("a text");
    let source = Arc::new(Source { name: name.to_owned(), text });
    let mut side = Side::default();
    if !cases::has_specs(case) {
        side.read(&source).expect("manifests");
        return (side, Vec::new());
    }
    let plan = spec::load(&source, &Options::default()).plan.expect("a valid spec");
    side.objects = objects::build(&plan)
        .into_iter()
        .map(|document| Object::new(document.value, None).expect("an object"))
        .collect();
    let root = yaml::read(&source).expect("YAML");
    (side, vec![Spec { source, root }])
}

fn compare(case: &Path, judge: &Judge) -> Comparison {
    let (before, _) = side(case, "before.yaml");
    let (after, specs) = side(case, "after.yaml");
    diff::compare(before, after, &specs, judge)
}

fn told(case: &Path, judge: &Judge) -> String {
    let comparison = compare(case, judge);
    let mut text = Vec::new();
    Report { comparison: &comparison, specs: &[], verbose: true, color: false }
        .write(Format::Text, &mut text)
        .expect("written");
    String::from_utf8(text).expect("UTF-8")
}

/// A side compared with itself says nothing, whichever it is.
#[test]
fn nothing_differs_from_itself() {
    for case in cases::all() {
        for name in ["before.yaml", "after.yaml"] {
            let same = diff::compare(
                side(&case, name).0,
                side(&case, name).0,
                &[],
                &Judge::new(KubeVersion::OLDEST),
            );
            assert!(same.objects.is_empty(), "{} {name}", case.display());
        }
    }
}

/// `make rules`: without a rule, the cases that meet it are told otherwise.
#[test]
fn no_rule_can_be_taken_out_unnoticed() {
    let mut unnoticed = Vec::new();
    let versions = [33, 35, 37].map(KubeVersion);
    let mut met: Vec<BTreeSet<(usize, usize)>> = vec![BTreeSet::new(); RULES.len()];
    let cases = cases::all();
    for (number, case) in cases.iter().enumerate() {
        for (index, version) in versions.iter().enumerate() {
            for (_, change) in compare(case, &Judge::new(*version)).changes() {
                let rule = RULES.iter().position(|rule| rule.code == change.rule.code);
                met[rule.expect("a rule of the table")].insert((number, index));
            }
        }
    }
    for (rule, met) in RULES.iter().zip(met) {
        let noticed = met.iter().any(|(number, index)| {
            let (case, version) = (&cases[*number], versions[*index]);
            told(case, &Judge::new(version)) != told(case, &Judge::new(version).without(rule.code))
        });
        if !noticed {
            unnoticed.push(format!("{} {}", rule.code, rule.name));
        }
    }
    assert!(unnoticed.is_empty(), "no case needs {unnoticed:#?}");
}

#[test]
fn codes_and_names_are_given_once_and_in_order() {
    let mut names = BTreeSet::new();
    for pair in RULES.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} and {}", pair[0].code, pair[1].code);
    }
    for rule in RULES {
        assert!(names.insert(rule.name), "{} is there twice", rule.name);
        assert!(spec::rules::find(rule.code).is_none(), "{} is a rule about specs", rule.code);
        assert!(spec::rules::find(rule.name).is_none(), "{} is a rule about specs", rule.name);
        assert!(!rule.title.ends_with('.') && !rule.title.contains('\n'), "{}", rule.name);
        assert!(rule.story.ends_with('.'), "{}", rule.name);
        assert!(!rule.source.is_empty(), "{}", rule.name);
        // Whoever has to act is told how.
        assert!(!rule.next.is_empty() || rule.class < Class::Manual, "{}", rule.name);
        assert_eq!(rules::find(rule.name).map(|found| found.code), Some(rule.code));
        for (from, to) in rule.kubernetes {
            assert!((33..=37).contains(from) && from <= to && *to <= 37, "{}", rule.name);
        }
    }
}

/// `docs/changes.md`, from the table.
#[test]
fn the_documentation_of_the_rules_is_current() {
    let mut docs = String::from(
        "# What changes do\n\n\
         <!-- Made from the table in src/diff/rules.rs: edit it there and run `make bless`. -->\n\n\
         The rules by which `diff` says what a change does to a running cluster. `redis-cluster-gen explain CODE` shows the same text. \
         `tests/diff/cases/` has at least one change for each rule and what is said about it.\n\n\
         | class | means |\n|---|---|\n",
    );
    for class in Class::WORST_FIRST.iter().rev() {
        docs += &format!("| `{class}` | {} |\n", class.meaning());
    }
    docs += "\n| code | name | class | Kubernetes | what changes |\n|---|---|---|---|---|\n";
    for rule in RULES {
        let versions: Vec<_> = rule
            .kubernetes
            .iter()
            .map(
                |(from, to)| {
                    if from == to { format!("1.{from}") } else { format!("1.{from} to 1.{to}") }
                },
            )
            .collect();
        docs += &format!(
            "| [{}](#{}) | `{}` | {} | {} | {} |\n",
            rule.code,
            rule.name,
            rule.name,
            rule.class,
            versions.join(", "),
            rule.title
        );
    }
    for rule in RULES {
        docs += &format!(
            "\n## {}\n\n{}, {}: {}.\n\n{}\n",
            rule.name, rule.code, rule.class, rule.title, rule.story
        );
        if !rule.next.is_empty() {
            docs += &format!("\nNext: {}\n", rule.next);
        }
        docs += &format!("\nSource: {}\n", rule.source);
    }
    let path = Path::new("docs/changes.md");
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, &docs).expect("the documentation can be written");
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(written == docs, "docs/changes.md is not current; run `make bless`");
}
