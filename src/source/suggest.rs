//! The nearest known name for a misspelt one.

/// The candidate that is nearest to a word, if one is near enough to be meant.
pub fn suggest<'a, I>(word: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    // Distance is quadratic in the length; nobody misspells a name into a kilobyte.
    if word.is_empty() || word.len() > 128 {
        return None;
    }
    let lower = word.to_lowercase().replace('-', "_");
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let folded = candidate.to_lowercase().replace('-', "_");
            let distance = strsim::damerau_levenshtein(&lower, &folded);
            let longest = word.chars().count().max(candidate.chars().count());
            // A third of the letters may be wrong; a word that begins like it, or has it as a part, is near as well.
            let part = lower.len() >= 3
                && (folded.starts_with(&lower) || lower.starts_with(&folded) && folded.len() >= 3)
                || lower.len() >= 4 && folded.split('_').any(|word| word == lower);
            (distance * 3 <= longest || part).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ``did you mean `x`?`` for a misspelt word, else the list of what there is.
pub fn did_you_mean<'a, I>(word: &str, candidates: I) -> Option<String>
where
    I: IntoIterator<Item = &'a str>,
{
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(near) = suggest(word, candidates.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all = || candidates.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match candidates.len() {
        1 => Some(format!("there is only {}", all())),
        2..=24 => Some(format!("there are {}", all())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let names = ["build", "kernel", "physical_host", "os", "lun"];
        assert_eq!(suggest("buidl", names), Some("build"));
        assert_eq!(suggest("Kernel", names), Some("kernel"));
        assert_eq!(suggest("physical-host", names), Some("physical_host"));
        assert_eq!(suggest("host", names), Some("physical_host"));
        assert_eq!(suggest("luns", names), Some("lun"));
        assert_eq!(suggest("gateway", names), None);
        assert_eq!(suggest("", names), None);
        assert_eq!(suggest(&"x".repeat(100_000), names), None);
    }

    #[test]
    fn without_a_near_name_the_choice_is_listed() {
        assert_eq!(did_you_mean("zzz", ["a", "b"]), Some("there are `a`, `b`".into()));
        assert_eq!(did_you_mean("zzz", []), None);
    }
}
