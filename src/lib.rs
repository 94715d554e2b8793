//! vpcwhy: audit2why and audit2allow for Google Cloud VPC firewalls and private GKE.
//!
//! **bytes → records → flows → decisions → findings → suggestions → report.** Data goes one way: a
//! pure core in the middle, two pure rims that turn text into the model and back, one shell that
//! touches the world.
//!
//! | room | what it is | may see |
//! |---|---|---|
//! | [`net`] | values: addresses, ports, connections, exact sets of them | nothing |
//! | [`model`] | what is: records, rules, clusters, the inventory | net |
//! | [`engine`] | what would happen: one evaluator, one matcher, for points and sets | … model |
//! | [`correlate`] | who is who, causes, needs, roads out, ways in; differences | … engine |
//! | [`suggest`] | changes and their proof | … correlate |
//! | [`checks`] | one file a check; findings, the report | … suggest |
//! | [`ingest`] | rim in: text → model | net, model |
//! | [`render`] | rim out: values → text | the core, not ingest |
//! | [`diagnose`], [`ask`] | where the core and the rims meet, on one screen | all of these |
//! | [`cli`], [`shell`] | arguments, files, clock, streams | all |
//!
//! # What holds everywhere
//! - The reason of a denial is never read out of the log: it is computed again on the resources.
//! - What was not given is never taken for empty: the third verdict is Undetermined.
//! - A connection and a set of connections are judged by the same matcher: a set is cut where a
//!   rule divides it, and every piece answers as any connection in it would.
//! - Flows come from two sources, the log and what clusters need ([`correlate::expected`]), and go
//!   through the one evaluator; where both speak of one cause it is one cause.
//! - A suggestion of a rule exists only if [`suggest::prove()`] made it, from its own printed text;
//!   a change of another resource ([`suggest::resource`]) only after the road was walked again.
//! - What its status shows to be never created is not there, whatever its manifest says.
//! - Groups and ACLs of AWS are policies, and their stages the evaluator's; what is printed for
//!   them is Amazon's command, never Google's.
//! - Nothing in the core reads a file, the clock or the environment, prints, or fails.
//! - Same input, same bytes out, on any number of threads.
//! - No input is held whole: a log becomes groups, and connections that are placed and judged alike
//!   ([`correlate::questions`]) are judged once. Ledgers add up, and so do readers of resources, in
//!   any split.
//! - No files import one another in a circle.
//! - Text from inputs is escaped by [`render::escape`], where it leaves, and nowhere else.
//!
//! # Departures from the first sketch
//! `diagnose` has a file of its own beside this one, since the proof needs both rims: the printed
//! form of a change is read back by ingest, and neither rim may see the other.

pub mod ask;
pub mod checks;
pub mod cli;
pub mod correlate;
pub mod diagnose;
pub mod engine;
pub mod ingest;
pub mod model;
pub mod net;
pub mod render;
pub mod shell;
pub mod suggest;
