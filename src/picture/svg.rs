//! A picture as SVG: plain shapes and text, 960 wide and as high as it has to be. No scripts, and nothing from elsewhere.

use std::fmt::Write;

use super::{Cluster, Group, Mark, Picture, Pod, SLOTS, State};

const WIDTH: u32 = 960;
/// Between boxes, and around all.
const GAP: u32 = 16;
/// Between a box and the text in it.
const PAD: u32 = 8;
/// From one line of text to the next.
const LINE: u32 = 16;
/// No monospaced font is wider at 11 pixels: they have 0.6 of that.
const CHARACTER: u32 = 7;
/// The box of a state.
const STATE: u32 = WIDTH - 2 * GAP;

const STYLE: &str = "\
text { font: 11px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #1f2328 }
.title { font-weight: bold }
.page { fill: #ffffff }
.state { fill: #f6f8fa; stroke: #8c959f }
.group { fill: #ffffff; stroke: #8c959f }
.pod { fill: #ddf4ff; stroke: #0969da }
.service { fill: #fbefff; stroke: #8250df }
.retiring { fill: none; stroke: #bc4c00; stroke-dasharray: 4 4 }
.new { fill: #dafbe1; stroke: #1a7f37; stroke-width: 2 }
.all { fill: #d0d7de }
.share { fill: #0969da }
.arrow { fill: none; stroke: #57606a; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.page { fill: #0d1117 }
.state { fill: #161b22; stroke: #6e7681 }
.group { fill: #0d1117; stroke: #6e7681 }
.pod { fill: #0c2d6b; stroke: #58a6ff }
.service { fill: #3c1e70; stroke: #bc8cff }
.retiring { fill: none; stroke: #f0883e }
.new { fill: #033a16; stroke: #3fb950 }
.all { fill: #30363d }
.share { fill: #58a6ff }
.arrow { stroke: #8b949e }
}
";

pub(super) fn draw(picture: &Picture) -> String {
    let mut drawing = Drawing { shapes: String::new(), bottom: GAP };
    for cluster in &picture.clusters {
        drawing.cluster(cluster);
    }
    let Drawing { shapes, bottom: height } = drawing;
    let names: Vec<_> = picture.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"title desc\">\n\
         <title id=\"title\">{}</title>\n\
         <desc id=\"desc\">{}</desc>\n\
         <style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         {shapes}</svg>\n",
        escaped(&format!("The pods of {}", names.join(", "))),
        escaped(&description(picture)),
    )
}

/// The same as the picture, for those who hear it.
fn description(picture: &Picture) -> String {
    let mut sentences = Vec::new();
    for cluster in &picture.clusters {
        sentences.extend(cluster.remarks.iter().cloned());
        for State { title, lines, services, groups } in &cluster.states {
            sentences.push(format!("{title}."));
            sentences.extend(lines.iter().chain(services).cloned());
            sentences.extend(groups.iter().map(|group| {
                let pods: Vec<_> = group.pods.iter().flat_map(Pod::lines).collect();
                format!("{}: {}.", group.heading(), pods.join(", "))
            }));
        }
    }
    sentences.join("\n")
}

/// Shapes from top to bottom.
struct Drawing {
    shapes: String,
    /// Where the next one begins.
    bottom: u32,
}

impl Drawing {
    fn cluster(&mut self, Cluster { name: _, remarks, states }: &Cluster) {
        for line in remarks.iter().flat_map(|remark| wrapped(remark, columns(STATE))) {
            self.text("", GAP, self.bottom, &line);
            self.bottom += LINE;
        }
        for (index, state) in states.iter().enumerate() {
            if index > 0 {
                self.arrow();
            }
            self.state(state);
        }
        self.bottom += GAP;
    }

    /// From a state to the next.
    fn arrow(&mut self) {
        let (middle, top) = (WIDTH / 2, self.bottom + 4);
        self.push(format_args!("<path class=\"arrow\" d=\"M{middle} {top}v16m-6 -6l6 6l6 -6\"/>"));
        self.bottom += 24;
    }

    fn state(&mut self, State { title, lines, services, groups }: &State) {
        let top = self.bottom;
        // The box lies below what is in it, but its height is known when all of that is drawn.
        let outside = std::mem::take(&mut self.shapes);
        self.bottom += PAD;
        self.text("title", 2 * GAP, self.bottom, title);
        self.bottom += LINE;
        for line in lines.iter().flat_map(|line| wrapped(line, columns(STATE - 2 * GAP))) {
            self.text("", 2 * GAP, self.bottom, &line);
            self.bottom += LINE;
        }
        self.bottom += PAD;
        for service in services {
            let width = STATE - 2 * GAP;
            let lines = wrapped(service, columns(width - 2 * PAD));
            let height = self.boxed("service", (2 * GAP, self.bottom), width, &lines);
            self.bottom += height + PAD;
        }
        self.groups(groups);
        let inside = std::mem::replace(&mut self.shapes, outside);
        self.rect("state", (GAP, top), (STATE, self.bottom - top));
        self.shapes.push_str(&inside);
    }

    /// As many in a row as names allow.
    fn groups(&mut self, groups: &[Group]) {
        let names = groups.iter().flat_map(|group| {
            [group.name.clone()].into_iter().chain(group.pods.iter().map(Pod::title))
        });
        let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
        let width = |in_a_row: u32| (STATE - GAP * (in_a_row + 1)) / in_a_row;
        let fits = |in_a_row: &u32| columns(width(*in_a_row) - 4 * PAD) >= longest;
        let in_a_row = [3, 2].into_iter().find(fits).unwrap_or(1);
        let width = width(in_a_row);
        for row in groups.chunks(in_a_row as usize) {
            let top = self.bottom;
            let mut bottom = top;
            for (column, group) in (0..).zip(row) {
                self.bottom = top;
                self.group(2 * GAP + column * (width + GAP), width, group);
                bottom = bottom.max(self.bottom);
            }
            self.bottom = bottom + GAP;
        }
    }

    fn group(&mut self, x: u32, width: u32, Group { name, lines, slots, pods }: &Group) {
        let top = self.bottom;
        let outside = std::mem::take(&mut self.shapes);
        let inner = width - 2 * PAD;
        self.bottom += PAD / 2;
        for line in wrapped(name, columns(inner)) {
            self.text("title", x + PAD, self.bottom, &line);
            self.bottom += LINE;
        }
        for line in lines.iter().flat_map(|line| wrapped(line, columns(inner))) {
            self.text("", x + PAD, self.bottom, &line);
            self.bottom += LINE;
        }
        self.bottom += PAD / 2;
        if let Some(slots) = slots {
            self.rect("all", (x + PAD, self.bottom), (inner, 6));
            let share = u64::from(inner) * slots / SLOTS;
            // As wide as the box at most.
            let share = u32::try_from(share).unwrap_or(inner);
            if share > 0 {
                self.rect("share", (x + PAD, self.bottom), (share, 6));
            }
            self.bottom += 6 + PAD;
        }
        for pod in pods {
            let class = match pod.mark {
                Some(Mark::Retiring) => "pod retiring",
                Some(Mark::New) => "pod new",
                None => "pod",
            };
            let lines: Vec<_> = pod
                .lines()
                .iter()
                .flat_map(|line| wrapped(line, columns(inner - 2 * PAD)))
                .collect();
            let height = self.boxed(class, (x + PAD, self.bottom), inner, &lines);
            self.bottom += height + PAD;
        }
        let inside = std::mem::replace(&mut self.shapes, outside);
        self.rect("group", (x, top), (width, self.bottom - top));
        self.shapes.push_str(&inside);
    }

    /// Lines in a box; gives its height.
    fn boxed(&mut self, class: &str, (x, y): (u32, u32), width: u32, lines: &[String]) -> u32 {
        let height = lines.iter().map(|_| LINE).sum::<u32>() + PAD / 2;
        self.rect(class, (x, y), (width, height));
        for (index, line) in (0..).zip(lines) {
            self.text("", x + PAD, y + PAD / 4 + index * LINE, line);
        }
        height
    }

    fn rect(&mut self, class: &str, (x, y): (u32, u32), (width, height): (u32, u32)) {
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\"/>"
        ));
    }

    /// A line of text whose upper edge is at `y`.
    fn text(&mut self, class: &str, x: u32, y: u32, text: &str) {
        let class = match class {
            "" => String::new(),
            class => format!(" class=\"{class}\""),
        };
        let (baseline, text) = (y + 12, escaped(text));
        self.push(format_args!("<text{class} x=\"{x}\" y=\"{baseline}\">{text}</text>"));
    }

    fn push(&mut self, shape: std::fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = writeln!(self.shapes, "{shape}");
    }
}

/// How many characters fit.
fn columns(width: u32) -> usize {
    (width / CHARACTER) as usize
}

/// Lines that fit: broken between words, and where a word is too long, in it.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        for (index, piece) in word.chunks(columns.max(1)).enumerate() {
            if length > 0 && (index > 0 || length + 1 + piece.len() > columns) {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.extend(piece);
            length += piece.len();
        }
    }
    if length > 0 {
        lines.push(line);
    }
    lines
}

/// Text between tags. What XML 1.0 cannot hold is shown as what cannot be shown.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            control if control.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{escaped, wrapped};

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(
            escaped("<a b='&\">\u{1}\u{ffff}"),
            "&lt;a b=&apos;&amp;&quot;&gt;\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn lines_are_never_too_long() {
        assert_eq!(wrapped("ab cd efghij", 5), ["ab cd", "efghi", "j"]);
        assert_eq!(wrapped("ab cdefghi jk", 4), ["ab", "cdef", "ghi", "jk"]);
        assert_eq!(wrapped("ab cd", 4), ["ab", "cd"]);
        assert!(wrapped(" ", 4).is_empty());
    }
}
