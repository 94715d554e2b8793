//! What would happen: the one evaluator, its one matcher, and the trace that explains them.

mod authority;
pub mod decision;
mod domains;
pub mod endpoint;
pub mod evaluate;
pub mod flow;
mod index;
pub mod matching;
pub mod naming;
pub mod near_miss;
mod records;
pub mod routing;
pub mod space;
pub mod stages;
pub mod walk;

pub use decision::{Decider, Decision, Verdict};
pub use endpoint::{Endpoint, Facts};
pub use evaluate::evaluate;
pub use flow::{Flow, Place, match_rule};
pub use matching::{Doubt, Mismatch, Observer, Outcome, Trace};
pub use near_miss::{NearMiss, near_misses};
pub use space::{Geography, Piece, Space, evaluate_all};
pub use stages::EffectiveRules;
pub use walk::METADATA;
