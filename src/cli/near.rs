//! "Did you mean": the names nearest to one that does not exist.

/// How many names are offered at most.
const MOST: usize = 5;

/// The candidates nearest to the wanted name, best first; none where nothing is near.
pub(crate) fn near<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (score(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score >= 0.6)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored
        .into_iter()
        .take(MOST)
        .map(|(_, name)| name)
        .collect()
}

/// 0 to 2: what contains the wanted name (or one of its parts) comes before what is only similar.
fn score(wanted: &str, candidate: &str) -> f64 {
    let similar = strsim::normalized_damerau_levenshtein(wanted, candidate);
    let parts = |text: &str| {
        text.split(['/', '.', '#', '-'])
            .filter(|p| p.len() > 2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let wanted_parts = parts(wanted);
    let candidate_parts = parts(candidate);
    let shared = wanted_parts
        .iter()
        .filter(|w| {
            candidate_parts
                .iter()
                .any(|c| strsim::normalized_damerau_levenshtein(w, c) >= 0.75)
        })
        .count();
    let share = if wanted_parts.is_empty() {
        0.0
    } else {
        shared as f64 / wanted_parts.len() as f64
    };
    if !wanted.is_empty() && candidate.contains(wanted) {
        1.0 + similar
    } else {
        similar.max(0.5 * share + 0.5 * similar)
    }
}

/// A hint that offers them, or none.
pub(crate) fn did_you_mean(names: &[&str]) -> Option<String> {
    match names {
        [] => None,
        [one] => Some(format!("did you mean {one}?")),
        several => Some(format!("near are: {}", several.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 4] = [
        "server/auth/wrong-password",
        "server/auth/right-password",
        "server/heartbeat/ack",
        "server/request/nonce-any",
    ];

    #[test]
    fn a_misspelt_id_finds_the_right_one_first() {
        assert_eq!(
            near("server/auth/wrong-pasword", IDS)[0],
            "server/auth/wrong-password"
        );
        assert_eq!(near("heartbeat/ack", IDS), ["server/heartbeat/ack"]);
        assert_eq!(near("server/heartbeet/ack", IDS)[0], "server/heartbeat/ack");
    }

    #[test]
    fn what_is_like_nothing_finds_nothing() {
        assert!(near("zzzzzzzz", IDS).is_empty());
        assert!(near("", IDS).is_empty());
    }
}
