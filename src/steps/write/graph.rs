//! The cluster before the first stage and after each, as a Mermaid flowchart: shards with their pods and their part of the slots.

use std::io::{self, Write};

use super::super::{Group, Shape, Steps};

pub(super) fn write(all: &[Steps], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "flowchart LR")?;
    for (number, steps) in all.iter().enumerate() {
        for refusal in &steps.refusals {
            writeln!(out, "  %% {}: {}", steps.spec, refusal.reason.replace('\n', " "))?;
        }
        let stages = (1..).zip(&steps.stages);
        let states = stages
            .map(|(number, stage)| (format!("after stage {number}, {}", stage.name), &stage.after));
        let before = steps.before.iter().map(|shape| ("now".to_owned(), shape));
        let states: Vec<_> = before.chain(states).collect();
        for (state, (title, shape)) in states.iter().enumerate() {
            let id = format!("p{number}s{state}");
            writeln!(out, "  subgraph {id}[\"{}: {title}\"]", steps.cluster)?;
            groups(&id, shape, out)?;
            writeln!(out, "  end")?;
        }
        for state in 1..states.len() {
            writeln!(out, "  p{number}s{} ==> p{number}s{state}", state - 1)?;
        }
    }
    writeln!(out, "  classDef retiring stroke-dasharray: 4 4")
}

fn groups(id: &str, shape: &Shape, out: &mut dyn Write) -> io::Result<()> {
    for (index, Group { name, slots, pods }) in shape.groups.iter().enumerate() {
        let slots = match slots {
            0 => "no slots".to_owned(),
            16384 => "16384 slots".to_owned(),
            slots => format!("about {slots} slots"),
        };
        writeln!(out, "    subgraph {id}g{index}[\"{name}, {slots}\"]")?;
        for (pod, (name, retiring)) in pods.iter().enumerate() {
            let (shown, class) = match retiring {
                true => (format!("{name}, retiring"), ":::retiring"),
                false => (name.clone(), ""),
            };
            writeln!(out, "      {id}g{index}p{pod}[\"{shown}\"]{class}")?;
        }
        writeln!(out, "    end")?;
    }
    Ok(())
}
