//! "Did you mean": the known word that is nearest to an unknown one.

/// The candidate that was most likely meant, if one is near enough.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(word);
    // A third of the letters may be wrong, but of two or three letters only one.
    let length = plain.chars().count();
    if length > MOST {
        return None;
    }
    let allowed = (length / 3).max(1);
    let mut letters = MOST_COMPARED;
    let candidates: Vec<_> = candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MOST)
        .take_while(|candidate| {
            letters = letters.saturating_sub(length * candidate.len());
            letters > 0
        })
        .map(|candidate| (self::plain(candidate), candidate))
        .collect();
    let near = candidates
        .iter()
        // They are at least as far from each other as their lengths.
        .filter(|(known, _)| known.chars().count().abs_diff(length) <= allowed)
        .map(|(known, candidate)| (strsim::damerau_levenshtein(&plain, known), candidate))
        .filter(|(distance, candidate)| {
            *distance <= allowed && *distance < candidate.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| *candidate);
    near.or_else(|| {
        // Cut short: `terminationGracePeriod`.
        let mut longer =
            candidates.iter().filter(|(known, _)| length >= 6 && known.starts_with(&plain));
        longer.next().filter(|_| longer.next().is_none()).map(|(_, candidate)| *candidate)
    })
}

/// No name is longer, and comparing takes time.
const MOST: usize = 80;

/// How many letters are compared with each other at most, in a millisecond or two: enough for the longest name and all directives.
const MOST_COMPARED: usize = 1 << 19;

/// A word without what is a matter of taste: case, dashes and underscores.
fn plain(word: &str) -> String {
    word.chars().filter(|char| !matches!(char, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// Words as code, separated by commas, the last by `or`.
pub(super) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let fields = ["shards", "replicasPerShard", "layout", "spread", "zones"];
        for (word, meant) in [
            ("shard", Some("shards")),
            ("Shards", Some("shards")),
            ("replicas_per_shard", Some("replicasPerShard")),
            ("replicasPerShards", Some("replicasPerShard")),
            ("zone", Some("zones")),
            ("lay-out", Some("layout")),
            ("replicas", Some("replicasPerShard")),
            ("persistence", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(closest(word, fields), meant, "{word}");
        }
    }
}
