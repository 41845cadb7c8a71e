//! What running a failed scenario again showed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Verdict;

/// A failed scenario, run again: a failure stays one, whatever this says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Triage {
    /// What kind of failure it is; none where no repeat came to a judgement.
    pub label: Option<TriageLabel>,
    /// How often it failed, of how many judged attempts: `3 of 10`.
    pub rate: String,
    /// Judged attempts that failed, the first one included.
    pub failed: u32,
    /// Attempts that came to a judgement, the first one included.
    pub judged: u32,
    /// All attempts in their order; the first is the one that the result itself shows.
    pub attempts: Vec<TriageAttempt>,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TriageLabel {
    /// Every judged attempt broke the same rule.
    Deterministic,
    /// Some repeats failed and some did not, or not in the same rule: it hangs on timing.
    TimingDependent,
    /// No repeat failed.
    OnceOnly,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TriageAttempt {
    /// Our sends were delayed a little, by lengths drawn from the seed.
    pub perturbed: bool,
    /// What it came to.
    pub verdict: Verdict,
    /// The rule it broke.
    pub rule: Option<String>,
    /// What was seen instead of what was expected, or why there was no judgement.
    pub actual: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

impl TriageLabel {
    /// As reports spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            TriageLabel::Deterministic => "deterministic",
            TriageLabel::TimingDependent => "timing-dependent",
            TriageLabel::OnceOnly => "once-only",
        }
    }
}

impl Triage {
    /// Judges attempts, of which the first is the failure in question.
    pub fn of(attempts: Vec<TriageAttempt>) -> Triage {
        let failing = |attempt: &&TriageAttempt| attempt.failing();
        let failed = attempts.iter().filter(failing).count();
        let judged = attempts.iter().filter(|attempt| attempt.judged()).count();
        let first = attempts.first().map(|attempt| attempt.rule.clone());
        let same = attempts
            .iter()
            .filter(failing)
            .all(|attempt| Some(&attempt.rule) == first.as_ref());
        let label = match (failed, judged) {
            (_, 0 | 1) => None,
            (failed, judged) if failed == judged && same => Some(TriageLabel::Deterministic),
            (1, _) => Some(TriageLabel::OnceOnly),
            _ => Some(TriageLabel::TimingDependent),
        };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Triage {
            label,
            rate: format!("{failed} of {judged}"),
            failed: count(failed),
            judged: count(judged),
            attempts,
        }
    }
}

impl TriageAttempt {
    /// Whether it broke something.
    fn failing(&self) -> bool {
        matches!(self.verdict, Verdict::Fail | Verdict::Warn)
    }

    /// Whether it came to a judgement.
    fn judged(&self) -> bool {
        self.failing() || matches!(self.verdict, Verdict::Pass | Verdict::Info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(of: &[(Verdict, &str)]) -> Vec<TriageAttempt> {
        let attempt = |(verdict, rule): &(Verdict, &str)| TriageAttempt {
            perturbed: false,
            verdict: *verdict,
            rule: (!rule.is_empty()).then(|| (*rule).to_owned()),
            actual: None,
            duration_ms: 1.0,
        };
        of.iter().map(attempt).collect()
    }

    #[test]
    fn a_label_needs_a_second_judgement_and_tells_three_kinds_apart() {
        let label = |of: &[(Verdict, &str)]| Triage::of(attempts(of)).label;
        let fail = (Verdict::Fail, "auth.reject");
        let other = (Verdict::Fail, "close.frame");
        let pass = (Verdict::Pass, "");
        let lost = (Verdict::Inconclusive, "");
        assert_eq!(label(&[fail, fail, fail]), Some(TriageLabel::Deterministic));
        assert_eq!(label(&[fail, fail, lost]), Some(TriageLabel::Deterministic));
        assert_eq!(label(&[fail, pass, pass]), Some(TriageLabel::OnceOnly));
        assert_eq!(
            label(&[fail, pass, fail]),
            Some(TriageLabel::TimingDependent)
        );
        assert_eq!(label(&[fail, other]), Some(TriageLabel::TimingDependent));
        assert_eq!(label(&[fail, lost, lost]), None);
        let seen = (Verdict::Info, "");
        assert_eq!(label(&[fail, seen]), Some(TriageLabel::OnceOnly));
        let warn = (Verdict::Warn, "auth.reject");
        assert_eq!(label(&[warn, warn]), Some(TriageLabel::Deterministic));
    }

    #[test]
    fn labels_are_spelled_as_reports_spell_them() {
        for label in [
            TriageLabel::Deterministic,
            TriageLabel::TimingDependent,
            TriageLabel::OnceOnly,
        ] {
            let reported = serde_json::to_value(label).expect("a string");
            assert_eq!(reported, label.as_str());
        }
    }

    #[test]
    fn the_rate_counts_judged_attempts_only() {
        let fail = (Verdict::Fail, "auth.reject");
        let triage = Triage::of(attempts(&[
            fail,
            (Verdict::Pass, ""),
            (Verdict::Error, ""),
            fail,
        ]));
        assert_eq!(
            (triage.rate.as_str(), triage.failed, triage.judged),
            ("2 of 3", 2, 3)
        );
    }
}
