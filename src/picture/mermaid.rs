//! A picture as a Mermaid flowchart, which GitHub, GitLab and others draw in a page of Markdown.

use std::io::{self, Write};

use super::{Cluster, Mark, Picture, State};

pub(super) fn write(picture: &Picture, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "flowchart LR")?;
    for (number, Cluster { name: _, remarks, states }) in picture.clusters.iter().enumerate() {
        for remark in remarks {
            writeln!(out, "  %% {}", remark.replace(char::is_control, " "))?;
        }
        for (index, state) in states.iter().enumerate() {
            write_state(&format!("p{number}s{index}"), state, out)?;
        }
        for index in 1..states.len() {
            writeln!(out, "  p{number}s{} ==> p{number}s{index}", index - 1)?;
        }
    }
    writeln!(out, "  classDef retiring stroke-dasharray: 4 4")?;
    writeln!(out, "  classDef new stroke-width: 3px")
}

fn write_state(id: &str, state: &State, out: &mut dyn Write) -> io::Result<()> {
    let State { title, lines, services, groups } = state;
    writeln!(out, "  subgraph {id}[\"{}\"]", escaped(title))?;
    for (index, line) in lines.iter().enumerate() {
        writeln!(out, "    {id}l{index}>\"{}\"]", escaped(line))?;
    }
    for (index, group) in groups.iter().enumerate() {
        writeln!(out, "    subgraph {id}g{index}[\"{}\"]", escaped(&group.heading()))?;
        for (at, pod) in group.pods.iter().enumerate() {
            let lines: Vec<_> = pod.lines().iter().map(|line| escaped(line)).collect();
            let class = match pod.mark {
                Some(Mark::Retiring) => ":::retiring",
                Some(Mark::New) => ":::new",
                None => "",
            };
            writeln!(out, "      {id}g{index}p{at}[\"{}\"]{class}", lines.join("<br/>"))?;
        }
        writeln!(out, "    end")?;
    }
    writeln!(out, "  end")?;
    for (index, service) in services.iter().enumerate() {
        writeln!(out, "  {id}e{index}([\"{}\"]) --> {id}", escaped(service))?;
    }
    Ok(())
}

/// A label's text in quotes. Mermaid has entities of its own, as HTML's but with `#` in place of `&`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("#quot;"),
            '#' => escaped.push_str("#35;"),
            '&' => escaped.push_str("#amp;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn labels_cannot_leave_their_quotes() {
        assert_eq!(escaped("a\"]<b>#&\n"), "a#quot;]#lt;b#gt;#35;#amp; ");
    }
}
