//! The same spec gives the same bytes: from another folder, for another user, in another place, whatever the order of its keys.

use std::{
    fs,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    assert_none,
    common::{
        random::Random,
        rendered::{self, RANDOM_SPECS, Rendered, binary, documents, stdout, temporary},
        specs,
    },
};

#[test]
fn from_anywhere_for_anyone() {
    for Rendered { name, spec, yaml, .. } in rendered::examples() {
        let elsewhere = temporary(&format!("elsewhere-{name}"));
        let folder = spec.parent().expect("a file is in a folder");
        let default = stdout(binary().arg("render").current_dir(folder));
        assert_eq!(default, *yaml, "{name}: the default spec of the working directory");

        let other = stdout(
            binary()
                .arg("render")
                .arg(spec)
                .current_dir(&elsewhere)
                .env_clear()
                .env("LANG", "tr_TR.UTF-8")
                .env("LC_ALL", "tr_TR.UTF-8")
                .env("TZ", "Pacific/Kiritimati")
                .env("HOME", &elsewhere)
                .env("USER", "nobody")
                .env("COLUMNS", "20")
                .env("CLICOLOR_FORCE", "1"),
        );
        assert_eq!(other, *yaml, "{name}: another place and user");

        let bare = stdout(binary().arg("render").arg(spec).current_dir("/").env_clear());
        assert_eq!(bare, *yaml, "{name}: no environment");

        let stdin = fs::File::open(spec).expect("the example can be read");
        let piped = stdout(binary().args(["render", "-"]).stdin(Stdio::from(stdin)));
        assert_eq!(documents(&piped), documents(yaml), "{name}: stdin");
    }
}

#[test]
fn in_folders_of_any_name_and_umask() {
    for (name, spec) in rendered::example_specs() {
        let top = temporary(&format!("umask-{name}"));
        let mut trees = Vec::new();
        for (folder, umask) in [("one", "022"), ("other", "077")] {
            // The files name their spec by its path from them, so the two have to be as far from it.
            let work = top.join(folder);
            fs::create_dir_all(&work).expect("a folder can be made");
            fs::copy(&spec, work.join("redis-cluster.yaml")).expect("the spec can be copied");
            stdout(
                Command::new("sh")
                    .arg("-c")
                    .arg(format!(
                        "umask {umask}; exec \"$0\" render --kustomization --output-dir k8s"
                    ))
                    .arg(env!("CARGO_BIN_EXE_redis-cluster-gen"))
                    .current_dir(&work),
            );
            let mut tree: Vec<_> = fs::read_dir(work.join("k8s"))
                .expect("the folder was written")
                .map(|entry| entry.expect("the folder can be read"))
                .map(|entry| {
                    (entry.file_name(), fs::read_to_string(entry.path()).expect("a file is text"))
                })
                .collect();
            tree.sort();
            trees.push(tree);
        }
        assert!(trees[0].len() > 5, "{name}: {} files", trees[0].len());
        assert_eq!(trees[0], trees[1], "{name}");
    }
}

#[test]
fn in_any_order_of_keys() {
    let folder = temporary("shuffled");
    let mut random = Random::new(7);
    let mut wrong = Vec::new();
    for Rendered { name, spec, yaml, .. } in rendered::examples() {
        let text = fs::read_to_string(spec).expect("the example can be read");
        let mut value: Value = serde_yaml::from_str(&text).expect("the example is YAML");
        for round in 0..5 {
            shuffle(&mut value, &mut random);
            let file = folder.join(format!("{name}-{round}.json"));
            fs::write(&file, value.to_string()).expect("the spec can be written");
            let shuffled = stdout(binary().arg("render").arg(&file));
            if documents(&shuffled) != documents(yaml) {
                wrong.push(format!("{name}: {}", file.display()));
            }
        }
    }
    let all = temporary("shuffled-random");
    for seed in 0..RANDOM_SPECS {
        let mut value = specs::spec(seed);
        shuffle(&mut value, &mut random);
        let file = all.join(format!("{seed:03}.redis-cluster.yaml"));
        fs::write(file, value.to_string()).expect("the spec can be written");
    }
    let shuffled = stdout(binary().arg("render").arg(&all));
    let pairs = documents(&shuffled).into_iter().zip(rendered::random().documents());
    for (shuffled, ordered) in pairs.filter(|(shuffled, ordered)| shuffled != ordered) {
        wrong.push(similar::TextDiff::from_lines(ordered, shuffled).unified_diff().to_string());
    }
    assert_none(&wrong);
    assert_eq!(documents(&shuffled).len(), rendered::random().documents().len());
}

/// Puts the keys of all mappings in another order.
fn shuffle(value: &mut Value, random: &mut Random) {
    match value {
        Value::Object(fields) => {
            let mut entries: Vec<_> = std::mem::take(fields).into_iter().collect();
            random.shuffle(&mut entries);
            for (key, mut value) in entries {
                shuffle(&mut value, random);
                fields.insert(key, value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shuffle(item, random)),
        _ => {}
    }
}
