//! `render -o graph` and `render -o svg`: what is drawn of a spec, against `pictures/NAME.mmd` and `pictures/NAME.svg`.
//!
//! `BLESS=1` (`make bless`) draws the expected pictures anew; look at them before they are committed.

use std::{env, fs, path::Path, process::Command};

use similar::TextDiff;

use crate::sandbox::{BINARY, Ran, Sandbox, spec, spec_with};

/// The pictures that are kept, and their specs: each layout, pods on their way out, zones, and access from outside.
const KEPT: [(&str, &str); 6] = [
    ("per-shard", "examples/minimal"),
    ("single", "examples/seed"),
    ("retiring", "tests/render/topology-retiring/redis-cluster.yaml"),
    ("retiring-single", "tests/render/topology-retiring-single/redis-cluster.yaml"),
    ("zones", "tests/render/topology-zones/redis-cluster.yaml"),
    ("external", "examples/external"),
];

fn draw(specs: &[&str], format: &str) -> String {
    let mut command = Command::new(BINARY);
    Ran::new(command.env_clear(), &[&["render", "-o", format], specs].concat()).ok()
}

#[test]
fn pictures_are_drawn_as_expected() {
    let mut stale = Vec::new();
    for (name, spec) in KEPT {
        for (format, extension) in [("graph", "mmd"), ("svg", "svg")] {
            let actual = draw(&[spec], format);
            let path = format!("tests/cli/pictures/{name}.{extension}");
            if env::var_os("BLESS").is_some() {
                fs::write(&path, &actual).expect("the picture can be written");
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            if expected != actual {
                let diff = TextDiff::from_lines(&expected, &actual);
                stale.push(diff.unified_diff().header(&path, &path).to_string());
            }
        }
    }
    assert!(stale.is_empty(), "{}\nrun `make bless`", stale.join("\n"));
}

/// Every pod, StatefulSet and Service that a picture names is in the manifests, and every StatefulSet is drawn.
#[test]
fn pictures_of_all_specs_are_sound() {
    let mut specs: Vec<_> = glob::glob("examples/*/redis-cluster.yaml")
        .expect("a pattern")
        .chain(glob::glob("tests/render/*/redis-cluster.yaml").expect("a pattern"))
        .map(|path| path.expect("a path").display().to_string())
        .collect();
    specs.sort();
    assert!(specs.len() >= 40, "only {} specs", specs.len());
    for spec in &specs {
        let svg = draw(&[spec], "svg");
        assert_eq!(svg, draw(&[spec], "svg"), "{spec}");
        let lines = svg_lines(&svg);
        let mut drawn: Vec<_> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("StatefulSet "))
            .map(|name| format!("statefulset.apps/{name}"))
            .collect();
        drawn.sort();
        let names = draw(&[spec], "name");
        let mut sets: Vec<_> =
            names.lines().filter(|name| name.starts_with("statefulset.apps/")).collect();
        sets.sort_unstable();
        assert_eq!(drawn, sets, "{spec}");
        for service in lines.iter().filter_map(|line| line.strip_prefix("Service ")) {
            let service = service.split(',').next().expect("a name");
            assert!(names.lines().any(|name| name == format!("service/{service}")), "{service}");
        }
        let graph = draw(&[spec], "graph");
        let count = |word: &str| graph.lines().filter(|line| line.trim().starts_with(word)).count();
        assert_eq!(count("subgraph "), count("end"), "{graph}");
    }
}

/// The lines of text in an SVG, which needs nothing besides itself and whose boxes and lines are inside of it.
fn svg_lines(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let root = document.root_element();
    let number = |node: roxmltree::Node<'_, '_>, name: &str| -> u32 {
        node.attribute(name).unwrap_or("0").parse().expect("a number")
    };
    let (width, height) = (number(root, "width"), number(root, "height"));
    assert_eq!(width, 960);
    for tag in ["title", "desc", "style"] {
        let found = root.children().filter(|node| node.tag_name().name() == tag).count();
        assert_eq!(found, 1, "{tag}");
    }
    for node in root.descendants().filter(roxmltree::Node::is_element) {
        let tag = node.tag_name().name();
        assert!(["svg", "title", "desc", "style", "rect", "text", "path"].contains(&tag), "{tag}");
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(!name.starts_with("on") && !name.ends_with("href"), "{name}");
        }
        if tag == "rect" {
            assert!(number(node, "x") + number(node, "width") <= width, "{svg}");
            assert!(number(node, "y") + number(node, "height") <= height, "{svg}");
        }
        if tag == "text" {
            // Characters of 11 pixels are 6.6 wide.
            let length = node.text().unwrap_or_default().chars().count() as u32 * 66 / 10;
            assert!(number(node, "x") + length <= width, "{:?}", node.text());
            assert!(number(node, "y") <= height, "{svg}");
        }
    }
    for word in ["url(", "@import", "http"] {
        let found = svg.matches(word).count();
        assert_eq!(found, usize::from(word == "http"), "{word}");
    }
    let texts = root.descendants().filter(|node| node.tag_name().name() == "text");
    texts.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

#[test]
fn several_specs_make_one_picture() {
    let sandbox = Sandbox::with(&[("a.yaml", &spec("stock")), ("b.yaml", &spec("sales"))]);
    let svg = sandbox.run(&["render", "-o", "svg", "a.yaml", "b.yaml"]).ok();
    let lines = svg_lines(&svg);
    for name in ["StatefulSet stock-shard-0", "StatefulSet sales-shard-2"] {
        assert!(lines.iter().any(|line| line == name), "{svg}");
    }
    let graph = sandbox.run(&["render", "-o", "graph", "a.yaml", "b.yaml"]).ok();
    assert_eq!(graph.matches("flowchart").count(), 1, "{graph}");
    assert!(graph.contains("p0s0[\"stock\"]") && graph.contains("p1s0[\"sales\"]"), "{graph}");
    // What cannot be rendered is not drawn.
    sandbox.write("b.yaml", spec("stock"));
    sandbox.run(&["render", "-o", "svg", "a.yaml", "b.yaml"]).refused();
    sandbox.write("b.yaml", spec_with("sales", "topology: {shards: 2}\n"));
    let ran = sandbox.run(&["render", "-o", "svg", "a.yaml", "b.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
}

#[test]
fn a_picture_goes_to_stdout_only() {
    let sandbox = Sandbox::with(&[("redis-cluster.yaml", &spec("stock"))]);
    for format in ["graph", "svg"] {
        for more in [&["--output-dir", "k8s"][..], &["--output-dir", "k8s", "--kustomization"]] {
            let ran = sandbox.run(&[&["render", "-o", format], more].concat());
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
            assert!(ran.stderr.contains("cannot be used with"), "{ran:?}");
        }
    }
    assert!(!Path::new(&sandbox.path("k8s")).exists());
}

/// Services are those of the manifests, with what patches and further objects change.
#[test]
fn services_are_drawn_as_they_are_rendered() {
    let more = "\
patches:
- target: {kind: Service, name: stock-client}
  merge: {spec: {type: LoadBalancer}}
extraManifests:
- apiVersion: v1
  kind: Service
  metadata: {name: first-shard}
  spec:
    ports: [{name: client, port: 6379}]
    selector:
      app.kubernetes.io/instance: stock
      redis-cluster-gen.dev/shard: \"0\"
";
    let sandbox = Sandbox::with(&[("redis-cluster.yaml", &spec_with("stock", more))]);
    let lines = svg_lines(&sandbox.run(&["render", "-o", "svg"]).ok());
    let count = |text: &str| lines.iter().filter(|line| *line == text).count();
    assert_eq!(count("Service stock-client, LoadBalancer, port 6379"), 1, "{lines:#?}");
    // It leads to the pods of a shard.
    assert_eq!(lines.iter().filter(|line| line.contains("first-shard")).count(), 2, "{lines:#?}");
    let off = "network: {clientService: {enabled: false}}\n";
    sandbox.write("redis-cluster.yaml", spec_with("stock", off));
    assert!(!sandbox.run(&["render", "-o", "svg"]).ok().contains("stock-client"));
}

/// Nothing is spread over a single zone, and without the bootstrap Job nobody knows who gets which slots.
#[test]
fn a_picture_promises_nothing() {
    let more = "topology: {zones: [a]}\nbootstrap: {enabled: false}\n";
    let sandbox = Sandbox::with(&[("redis-cluster.yaml", &spec_with("stock", more))]);
    let svg = sandbox.run(&["render", "-q", "-o", "svg"]).ok();
    let lines = svg_lines(&svg);
    for line in ["Pods may run in zone a only.", "No bootstrap Job gives out the slots."] {
        assert!(lines.iter().any(|other| other == line), "{lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("about")), "{lines:#?}");
    assert!(!svg.contains("class=\"share\""), "{svg}");
}
