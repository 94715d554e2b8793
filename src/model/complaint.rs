//! A fact about an input that could not be used: where it stands, what is wrong, what was done.
//!
//! `log.json:17: unterminated string: skipped this entry`. Complaints are collected and shown; they
//! never stop the rest.

/// One such fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// The input, as the person named it.
    pub path: String,
    /// The line, counted from 1.
    pub line: u64,
    /// The byte, counted from 0.
    pub byte: u64,
    /// What is wrong. Never a copy of the text itself: inputs hold secrets.
    pub message: String,
    /// What was done about it.
    pub did: &'static str,
}

/// What is done with a log entry that cannot be read.
pub const SKIPPED_ENTRY: &str = "skipped this entry";
/// What is done with a resource that cannot be read.
pub const SKIPPED_ITEM: &str = "skipped this item";
/// What was done about a list of nothing that does not say of what.
pub const LEFT_OUT_NOTHING: &str = "left it out: what it lists is not given (`vpcwhy collect` \
                                    writes lists that say what they are)";
/// What is done with the second of two descriptions that differ.
pub const KEPT_FIRST: &str =
    "kept the other; where this decides, nothing is sure: give the newer one alone";
/// What is done with a rule that is only partly understood.
pub const KEPT_UNDETERMINED: &str = "kept the rule; verdicts that depend on it are undetermined";
