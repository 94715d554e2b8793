//! What would happen: the one evaluator, its one matcher, and the trace that explains them.

pub mod evaluate;
pub mod flow;
mod index;
pub mod matching;
pub mod naming;
pub mod near_miss;
pub mod routing;
pub mod space;
pub mod stages;
pub mod walk;

pub use evaluate::evaluate;
pub use flow::{Endpoint, Facts, Flow, Place};
pub use matching::{Doubt, Mismatch, Observer, Outcome, Trace};
pub use near_miss::{NearMiss, near_misses};
pub use space::{Geography, Piece, Space, evaluate_all};
pub use stages::EffectiveRules;
pub use walk::{Decider, Decision, METADATA, Verdict};
