//! What the engine does when a target that the run has started ends: it notices, and starts it again.

use std::sync::Arc;
use std::time::Duration;

use super::engine::{Engine, Interrupted, Stopped};
use super::plan::Case;
use crate::outcome::EntryKind;
use crate::play::{Ended, Played};

/// A connection's end is seen a little before its process's.
const BEHIND: Duration = Duration::from_millis(200);

impl Engine<'_> {
    /// Whether what was played ended with the target, and says nothing by itself.
    pub(super) async fn fell(&mut self, played: &Played) -> bool {
        if matches!(played.ended, Ended::Passed | Ended::Skipped(_)) {
            return false;
        }
        if self.fallen.is_some() {
            return true;
        }
        let cut_off = matches!(played.ended, Ended::Unreachable(_))
            || played
                .transcript
                .iter()
                .any(|entry| matches!(entry.kind, EntryKind::Eof | EntryKind::Reset));
        let Some(minder) = &mut self.minder else {
            return false;
        };
        let patience = if cut_off { BEHIND } else { Duration::ZERO };
        self.fallen = minder.ended_within(patience).await;
        if self.fallen.is_some() {
            self.ended.clone_from(&self.fallen);
        }
        self.fallen.is_some()
    }

    /// Plays again, one by one, what was played when the target ended. If none of them ends it
    /// now, that it ended is a finding all the same.
    pub(super) async fn suspects(&mut self, mut stopped: Stopped<'_>) -> Result<(), Interrupted> {
        let suspects = std::mem::take(&mut self.suspects);
        let cases: Vec<Arc<Case>> = suspects.iter().map(|s| Arc::clone(&s.case)).collect();
        self.convicted = false;
        for entry in suspects {
            self.hostile(entry, stopped.as_mut()).await?;
            self.again(stopped.as_mut()).await?;
            self.repeat_alone(stopped.as_mut()).await?;
        }
        if let (Some(how), false) = (self.ended.take(), self.convicted) {
            self.unexplained(&how, &cases);
        }
        Ok(())
    }

    /// A target that ends when nobody looks is started again, and it is told.
    pub(super) async fn ended_behind(
        &mut self,
        case: &Arc<Case>,
        stopped: Stopped<'_>,
    ) -> Result<(), Interrupted> {
        if self.dead.is_some() {
            return Ok(());
        }
        let Some(minder) = &mut self.minder else {
            return Ok(());
        };
        match minder.ended_within(Duration::ZERO).await {
            Some(how) => {
                self.unexplained(&how, std::slice::from_ref(case));
                self.revive(stopped).await
            }
            None => Ok(()),
        }
    }

    fn unexplained(&mut self, how: &str, cases: &[Arc<Case>]) {
        let lines = self.target_lines().unwrap_or_default();
        if let Some(found) = self.judge.ended(how, cases, lines) {
            self.ledger.found(vec![found]);
        }
    }

    /// How the target ended, if it has: `exit status 1`.
    pub(super) async fn how_it_ended(&mut self) -> Option<String> {
        self.minder.as_mut()?.ended_within(BEHIND).await
    }

    /// The last lines that the target wrote, where the run has started it.
    pub(super) fn target_lines(&self) -> Option<Vec<String>> {
        let minder = self.minder.as_ref()?;
        Some(minder.last_lines(self.judge.redactor))
    }

    /// Starts the target again; where that cannot be, nothing more can be judged.
    pub(super) async fn revive(&mut self, stopped: Stopped<'_>) -> Result<(), Interrupted> {
        self.fallen = None;
        let Some(minder) = &mut self.minder else {
            return Ok(());
        };
        let started = tokio::select! {
            biased;
            () = stopped => return Err(Interrupted),
            started = minder.restart(&self.settings) => started,
        };
        match started {
            Ok(()) => {
                self.dead = None;
                self.seen_alive = true;
            }
            Err(why) => {
                let why = self.settings.redactor.redact(&why);
                self.dead = Some(format!("the target died and did not come back: {why}"));
            }
        }
        Ok(())
    }
}
