//! What lists of known failures and flaky scenarios say of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an entry of a list makes of one result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expected {
    /// What follows from it.
    pub status: ExpectedStatus,
    /// The entry's reason, in the words of whoever listed it.
    pub reason: String,
    /// The last day on which the entry excuses, `YYYY-MM-DD`, where it has one.
    pub expires: Option<String>,
    /// The list's file.
    pub file: String,
    /// The entry's line, from 1.
    pub line: u32,
}

/// What follows from an entry for one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedStatus {
    /// It failed as listed: counted as an expected failure, not as a failure.
    ExpectedFail,
    /// It is listed as failing and passed: the run fails until the entry is gone.
    UnexpectedPass,
    /// It is listed as flaky: whether it passed or failed changes nothing.
    Flaky,
    /// It failed as listed, but the entry's last day is over: a failure like any other.
    Expired,
}

/// Which list an entry is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// `--known-failing`.
    Failing,
    /// `--known-flaky`.
    Flaky,
}

/// An entry of a list, and what the run showed of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KnownEntry {
    /// The list it is from.
    pub list: List,
    /// The list's file.
    pub file: String,
    /// The entry's line, from 1.
    pub line: u32,
    /// The glob over ids.
    pub id: String,
    /// The rule that is broken.
    pub rule: String,
    /// What must stand in the failure, where the entry says.
    pub text: Option<String>,
    /// Why it is known.
    pub reason: String,
    /// The last day on which it excuses, `YYYY-MM-DD`.
    pub expires: Option<String>,
    /// What the run showed.
    pub status: KnownStatus,
    /// How many results failed as it says.
    pub failed: u32,
    /// How many results about its rule passed.
    pub passed: u32,
}

/// What a run showed of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnownStatus {
    /// It is right: something failed as it says (a flaky one: something was judged).
    Held,
    /// Something that it lists as failing passed.
    UnexpectedPass,
    /// What it names was judged, and nothing of it failed as the entry says, nor passed.
    Stale,
    /// Its last day is over: it excuses nothing.
    Expired,
    /// Nothing that it names was selected and judged.
    NotJudged,
}
