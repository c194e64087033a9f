//! yamllint with `.yamllint.yaml`, over what is rendered, on stdout and in files.

use std::{fs, path::Path, process::Command};

use crate::common::{
    rendered::{self, root, run, stdout, temporary},
    tools,
};

fn yamllint(path: &Path) -> Command {
    let mut command = Command::new(tools::program("bin/yamllint"));
    command.args(["--strict", "--format", "parsable", "--config-file"]);
    command.arg(root().join(".yamllint.yaml")).arg(path);
    command
}

#[test]
fn every_document_is_clean() {
    let folder = temporary("yamllint");
    for rendered in rendered::all() {
        // It reads 300 KB in a second, and the random specs give 40 MB: every twentieth document of theirs.
        let step = if rendered.name == "random" { 20 } else { 1 };
        let documents: Vec<_> = rendered.documents().into_iter().step_by(step).collect();
        let text = format!("---\n{}", documents.join("---\n"));
        fs::write(folder.join(format!("{}.yaml", rendered.name)), text)
            .expect("the file can be written");
    }
    for (name, spec) in rendered::example_specs() {
        let files = folder.join(name);
        stdout(
            rendered::binary()
                .args(["render", "--kustomization", "--output-dir"])
                .arg(files)
                .arg(spec),
        );
    }
    assert_eq!(stdout(&mut yamllint(&folder)), "");
}

#[test]
fn what_the_documentation_of_users_shows_is_clean() {
    let folder = temporary("yamllint-docs");
    let text = fs::read_to_string(root().join("docs/users.md")).expect("a document");
    let blocks: Vec<_> = text.split("```yaml\n").skip(1).collect();
    assert!(blocks.len() > 4, "only {} blocks", blocks.len());
    for (number, block) in blocks.iter().enumerate() {
        let block = block.split("```").next().expect("a block");
        fs::write(folder.join(format!("{number}.yaml")), block).expect("the file can be written");
    }
    assert_eq!(stdout(&mut yamllint(&folder)), "");
}

#[test]
fn mistakes_are_found() {
    let folder = temporary("yamllint-mistakes");
    for (mistake, rule) in [
        ("a: 0755\n", "octal-values"),
        ("a: 1\na: 2\n", "key-duplicates"),
        ("a: yes\n", "truthy"),
        ("a: 1  \n", "trailing-spaces"),
        ("a: 1", "new-line-at-end-of-file"),
        ("a:\n", "empty-values"),
    ] {
        let file = folder.join("mistake.yaml");
        fs::write(&file, mistake).expect("the file can be written");
        let output = run(&mut yamllint(&file));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && said.contains(rule), "{mistake:?}: {said}");
    }
}
