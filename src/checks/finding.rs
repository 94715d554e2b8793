//! A finding: one cause, what was seen of it, what decided it, and what mends it.
//!
//! Values only: words are put to it by the check that found it and by the rim that prints it.

use xxhash_rust::xxh3::xxh3_64;

use crate::correlate::Cause;
use crate::correlate::causes::decider_key;
use crate::correlate::questions::{Question, wider};
use crate::correlate::seen::Seen;
use crate::correlate::side::Side;
use crate::engine::near_miss::Gap;
use crate::engine::{Decider, Decision, Doubt, Mismatch, NearMiss};
use crate::model::firewall::GoogleList;
use crate::model::{Action, FirewallRule, Origin, PolicyKind, RuleReference};
use crate::net::{Direction, FiveTuple, Timestamp};
use crate::suggest::{ResourceChange, Safety, Suggestion};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something may not work.
    Warning,
    /// Something does not work.
    Error,
}

impl Severity {
    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// By simulation on the given resources.
    Proven,
    /// The log says so, and the resources do not contradict it.
    Likely,
    /// What was given does not decide it.
    Possible,
}

impl Confidence {
    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

/// Where the knowledge comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Denied connections in the log.
    Observed,
    /// What is needed and denied, while no log line can exist.
    Silent,
    /// The configuration alone.
    Configuration,
    /// What somebody pasted.
    Symptom,
}

impl Basis {
    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Silent => "silent",
            Self::Configuration => "configuration",
            Self::Symptom => "symptom",
        }
    }
}

/// The connections in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowSummary {
    /// The network's name.
    pub network: Option<String>,
    /// INGRESS or EGRESS, where it is known.
    pub direction: Option<crate::net::Direction>,
    /// The protocol; `None` for many.
    pub protocol: Option<String>,
    /// The ports, empty for many or none.
    pub ports: Vec<String>,
    /// The client.
    pub source: Side,
    /// The server.
    pub destination: Side,
}

/// What was seen in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Distinct entries.
    pub count: u64,
    /// The earliest and the latest.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Distinct source addresses.
    pub sources: usize,
    /// Distinct destination addresses.
    pub destinations: usize,
    /// The VMs that wrote them.
    pub instances: Vec<String>,
    /// The rule or policy that the log names.
    pub rule: Option<String>,
    /// One of them: its `insertId` and its connection.
    pub sample: Option<(String, FiveTuple)>,
}

impl Observed {
    /// What several questions show together.
    pub(super) fn of_questions(questions: &[&Question<'_>], rule: Option<&RuleReference>) -> Self {
        let count = questions.iter().map(|question| question.entries).sum();
        let span = questions.iter().fold(None, |span, one| wider(span, one.span));
        Self::of(&Seen::of(questions.iter().copied()), count, span, rule)
    }

    /// In owned words: what was seen, and which rule the log names for it.
    pub(super) fn of(
        seen: &Seen<'_>,
        count: u64,
        span: Option<(Timestamp, Timestamp)>,
        rule: Option<&RuleReference>,
    ) -> Self {
        Self {
            count,
            span,
            sources: seen.sources.len(),
            destinations: seen.destinations.len(),
            instances: seen.instances.iter().copied().map(str::to_owned).collect(),
            rule: rule.map(|rule| rule.name().to_owned()),
            sample: seen.sample.map(|(tuple, sample)| (sample.insert_id.to_owned(), tuple)),
        }
    }
}

/// What decided, in owned words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeciderSummary {
    /// The stage: `vpc-rules`, `hierarchical-policy`, …; `None` where no rule decides.
    pub stage: Option<&'static str>,
    /// `vpc-rule`, `policy-rule`, `implied-rule`, `always-allowed`, `always-blocked`.
    pub kind: &'static str,
    /// Its name.
    pub name: Option<String>,
    /// Its policy.
    pub policy: Option<String>,
    /// Its priority.
    pub priority: Option<u32>,
    /// Where it was read.
    pub origin: Option<Origin>,
}

/// A near miss in owned words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMissSummary {
    /// The rule.
    pub rule: String,
    /// Its priority.
    pub priority: u32,
    /// The field that misses.
    pub mismatch: &'static str,
    /// What it says and what was needed.
    pub detail: String,
    /// Where it was read.
    pub origin: Origin,
}

/// The decision in owned words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionSummary {
    /// The verdict.
    pub verdict: crate::engine::Verdict,
    /// What decided; `None` where no rule was given.
    pub decider: Option<DeciderSummary>,
    /// Why it is not certain.
    pub doubts: Vec<String>,
    /// Nearest first.
    pub near_misses: Vec<NearMissSummary>,
}

/// A resource that the finding speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceSummary {
    /// `firewall-rule`, `cluster`, …
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Where it was read.
    pub origin: Origin,
}

/// A change of something else than a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What is to be changed.
    pub change: ResourceChange,
    /// What walking again showed, or what else to do.
    pub note: String,
}

impl Remedy {
    /// How far it may be trusted: what is not proved on every logged connection is looked at again.
    #[must_use]
    pub fn safety(&self) -> Safety {
        match self.change.keeper() {
            Some(_) => Safety::Managed,
            None => Safety::Review,
        }
    }
}

/// A finding.
#[derive(Debug, Clone)]
pub struct Finding {
    /// `F-` and eight hexadecimal digits, equal for equal input.
    pub id: String,
    /// The check.
    pub check: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// From where.
    pub basis: Basis,
    /// One line.
    pub title: String,
    /// A few more.
    pub explanation: Vec<String>,
    /// The connections.
    pub flow: Option<FlowSummary>,
    /// What was seen.
    pub observed: Option<Observed>,
    /// Whether the configuration needs it, whatever the log shows.
    pub needed: bool,
    /// What decided.
    pub decision: Option<DecisionSummary>,
    /// What it is about.
    pub resources: Vec<ResourceSummary>,
    /// What mends it, best first.
    pub fixes: Vec<Suggestion>,
    /// What mends it besides rules: each road walked again with it.
    pub remedies: Vec<Remedy>,
    /// What else would do, and changes no rule.
    pub advice: Vec<String>,
    /// Why nothing is offered.
    pub no_fix: Option<String>,
}

/// An id that is the same for the same check, cause and flow set, on every machine.
#[must_use]
pub fn id(check: &str, parts: &[&str]) -> String {
    let mut text = check.to_owned();
    for part in parts {
        text.push('\u{1f}');
        text.push_str(part);
    }
    format!("F-{:08x}", xxh3_64(text.as_bytes()) >> 32)
}

/// A network as ids hold it: two projects may have one of the same name.
#[must_use]
pub fn network_key(network: &crate::model::Reference) -> String {
    format!("{}/{}", network.project.as_deref().unwrap_or(""), network.name)
}

/// The id of a finding about a cause.
#[must_use]
pub fn cause_id(check: &str, cause: &Cause<'_>) -> String {
    let side = |side: &Side| {
        format!("{} {} {:?}", side.role.id(), side.name, side.known.then_some(&side.ranges))
    };
    let network = cause.network.as_ref().map(network_key).unwrap_or_default();
    let direction = cause.direction.map(|of| of.to_string()).unwrap_or_default();
    let logged = cause.logged_rule.as_ref().map(RuleReference::name).unwrap_or("");
    let decider = match cause.decision.decider {
        // The place of the rule in the input is no part of the cause.
        Decider::Rule(rule) => rule.label(),
        other => decider_key(other),
    };
    id(
        check,
        &[
            &network,
            &direction,
            &side(&cause.source),
            &side(&cause.destination),
            &cause.protocol.to_string(),
            &cause.port.map(|port| port.to_string()).unwrap_or_default(),
            // The same whichever part of it the log shows.
            if cause.is_as_needed() { "silent" } else { logged },
            &decider,
            &cause.decision.verdict.to_string(),
        ],
    )
}

/// Of thousands of rules many miss by one field; nobody reads on beyond the nearest.
const MOST_NEAR_MISSES: usize = 25;

/// What a decision says, in owned words.
#[must_use]
pub fn decision_summary(
    decision: &Decision<'_>,
    near_misses: &[NearMiss<'_>],
    needed: &FiveTuple,
) -> DecisionSummary {
    let mut doubts: Vec<String> =
        decision.doubts.iter().map(|(rule, doubt)| doubt_words(rule, *doubt)).collect();
    // An allow and a deny stand for rules that nobody knows.
    doubts.dedup();
    DecisionSummary {
        verdict: decision.verdict,
        decider: decider_summary(decision.decider),
        doubts,
        near_misses: near_misses
            .iter()
            .take(MOST_NEAR_MISSES)
            .map(|miss| near_miss_summary(miss, needed))
            .collect(),
    }
}

/// `DENIED by deny-all-egress`.
#[must_use]
pub fn decided_by(decision: &Decision<'_>) -> String {
    let by = match decision.decider {
        Decider::Rule(rule) => format!("rule {} ({})", rule.label(), rule.origin),
        Decider::Implied(direction) => implied_name(direction).to_owned(),
        Decider::NoGroupAllows(_) => NO_GROUP_ALLOWS.to_owned(),
        Decider::AlwaysBlocked(what) | Decider::AlwaysAllowed(what) => what.to_owned(),
        Decider::Missing => "nothing that was given".to_owned(),
    };
    format!("{} by {by}", decision.verdict)
}

/// What a rule does, as a verdict.
fn outcome(rule: &FirewallRule) -> &'static str {
    match rule.action {
        Action::Allow => "ALLOWED",
        Action::Deny => "DENIED",
        Action::GotoNext => "the next stage decides",
        Action::Inspect => "a firewall endpoint decides",
        Action::Unknown => "nobody knows",
    }
}

/// What a decider says where nothing doubtful matches.
fn default_outcome(decider: Decider<'_>) -> String {
    match decider {
        Decider::Rule(rule) => format!("{} by rule {}", outcome(rule), rule.label()),
        Decider::Implied(Direction::Ingress) => "DENIED by the implied deny".to_owned(),
        Decider::Implied(Direction::Egress) => "ALLOWED by the implied allow".to_owned(),
        Decider::NoGroupAllows(_) => format!("DENIED: {NO_GROUP_ALLOWS}"),
        Decider::AlwaysAllowed(what) => format!("ALLOWED: {what}"),
        Decider::AlwaysBlocked(what) => format!("DENIED: {what}"),
        Decider::Missing => "nothing decides".to_owned(),
    }
}

/// Both outcomes of every doubt: each rule that ranks above the decider and could not be judged.
#[must_use]
pub fn doubts_words(doubts: &[(&FirewallRule, Doubt)], decider: Decider<'_>) -> Vec<String> {
    doubts.iter().map(|(rule, doubt)| both_outcomes(rule, *doubt, decider)).collect()
}

/// The same without those that would end the same way, which explain nothing.
#[must_use]
pub fn telling_doubts(doubts: &[(&FirewallRule, Doubt)], decider: Decider<'_>) -> Vec<String> {
    let otherwise = default_outcome(decider);
    let tells = |(rule, _): &&(&FirewallRule, Doubt)| !otherwise.starts_with(outcome(rule));
    let telling: Vec<_> = doubts.iter().filter(tells).copied().collect();
    doubts_words(if telling.is_empty() { doubts } else { &telling }, decider)
}

fn both_outcomes(rule: &FirewallRule, doubt: Doubt, decider: Decider<'_>) -> String {
    let (why, otherwise) = (doubt_words(rule, doubt), default_outcome(decider));
    format!("{why}: {} if it matches, otherwise {otherwise}", outcome(rule))
}

/// Why it is not certain that a rule matches, in words.
#[must_use]
pub fn doubt_words(rule: &FirewallRule, doubt: Doubt) -> String {
    let lists = rule.source_conditions.lists.iter().chain(&rule.destination_conditions.lists);
    let why = match doubt {
        Doubt::Target => "the tags or the account of the VM are not known".to_owned(),
        Doubt::SourceIdentity => "the tags or the account of the source are not known".to_owned(),
        Doubt::Address => "the VM's address is not known".to_owned(),
        Doubt::List => {
            let all: Vec<_> = lists.clone().map(ToString::to_string).collect();
            let given = |list: &GoogleList| {
                matches!(
                    list,
                    GoogleList::AddressGroup(_)
                        | GoogleList::NotGiven(_)
                        | GoogleList::Unreadable(_)
                )
            };
            let whose = if lists.clone().all(given) { "" } else { "only Google can resolve " };
            format!("{whose}{}", all.join("; "))
        }
        Doubt::Context => "it is not known whether the other end is on the internet, or in which \
                           network"
            .to_owned(),
        Doubt::Unmodelled if rule.is_understood() => {
            "it names no range, which means 0.0.0.0/0: nobody says whether also IPv6".to_owned()
        }
        // Of what AWS says the reason is told: it was understood, and does not suffice.
        Doubt::Unmodelled if rule.stage.is_some_and(PolicyKind::is_of_amazon) => {
            rule.riddles().collect::<Vec<_>>().join("; ")
        }
        Doubt::Unmodelled => {
            rule.stands_for().unwrap_or("it holds a filter that is not understood").to_owned()
        }
        Doubt::Attachment => "its policy does not say which network it is for".to_owned(),
        Doubt::Region => "its policy is a region's, and the VM's region is not known".to_owned(),
        Doubt::HandedOn => "a rule before it may hand on".to_owned(),
        Doubt::Order => "the network's enforcement order is not known".to_owned(),
    };
    format!("rule {} ({}) may match: {why}", rule.label(), rule.origin)
}

/// The kind of a rule that decides.
#[must_use]
pub fn rule_kind(rule: &FirewallRule) -> &'static str {
    if rule.policy.is_some() { "policy-rule" } else { "vpc-rule" }
}

/// The stage that a rule is asked in.
#[must_use]
pub fn stage_id(rule: &FirewallRule) -> &'static str {
    rule.stage.map_or("vpc-rules", PolicyKind::id)
}

/// The implied rule of a direction.
#[must_use]
pub fn implied_name(direction: crate::net::Direction) -> &'static str {
    match direction {
        crate::net::Direction::Ingress => "implied deny ingress",
        crate::net::Direction::Egress => "implied allow egress",
    }
}

/// What denies on AWS where nothing allows.
pub const NO_GROUP_ALLOWS: &str = "no rule of the security groups";

/// A decider in owned words.
#[must_use]
pub fn decider_summary(decider: Decider<'_>) -> Option<DeciderSummary> {
    let fixed = |kind, name: String| DeciderSummary {
        stage: None,
        kind,
        name: Some(name),
        policy: None,
        priority: None,
        origin: None,
    };
    Some(match decider {
        Decider::Rule(rule) => DeciderSummary {
            stage: Some(stage_id(rule)),
            kind: rule_kind(rule),
            name: rule.name.clone().or_else(|| rule.policy.is_none().then(|| rule.label())),
            policy: rule.policy.clone(),
            priority: Some(rule.priority),
            origin: Some(rule.origin.clone()),
        },
        Decider::Implied(direction) => {
            let action = implied_name(direction);
            DeciderSummary { priority: Some(65_535), ..fixed("implied-rule", action.to_owned()) }
        }
        Decider::NoGroupAllows(_) => fixed("implied-rule", NO_GROUP_ALLOWS.to_owned()),
        Decider::AlwaysAllowed(what) => fixed("always-allowed", what.to_owned()),
        Decider::AlwaysBlocked(what) => fixed("always-blocked", what.to_owned()),
        Decider::Missing => return None,
    })
}

fn near_miss_summary(miss: &NearMiss<'_>, needed: &FiveTuple) -> NearMissSummary {
    let rule = miss.rule;
    let layers: Vec<_> = rule.layer4.iter().map(ToString::to_string).collect();
    let ranges = |list: &[crate::net::IpNet]| {
        let mut texts: Vec<_> = list.iter().take(4).map(ToString::to_string).collect();
        if list.len() > 4 {
            texts.push(format!("… {} more", list.len() - 4));
        }
        if texts.is_empty() { "anywhere".to_owned() } else { texts.join(", ") }
    };
    let detail = match miss.gap {
        Gap::Priority => format!("allows it at priority {}, which is outranked", rule.priority),
        Gap::Field(Mismatch::Disabled) => "would allow it, but is disabled".to_owned(),
        Gap::Field(Mismatch::Port) => {
            format!("allows {}; needed {} {}", layers.join(", "), needed.protocol, needed.dst_port)
        }
        Gap::Field(Mismatch::Protocol) => {
            format!("allows {}; needed {}", layers.join(", "), needed.protocol)
        }
        Gap::Field(Mismatch::Source) if rule.source.is_none() => {
            let named = &rule.source_identity;
            let tags = named.tags.iter().chain(&named.service_accounts).cloned();
            let tags = tags.collect::<Vec<_>>().join(", ");
            format!("allows sources that carry {tags}; {} does not", needed.src)
        }
        Gap::Field(Mismatch::Source) => {
            format!("allows sources {}; needed {}", ranges(&rule.source_ranges), needed.src)
        }
        Gap::Field(Mismatch::Destination) => {
            let given = ranges(&rule.destination_ranges);
            format!("allows destinations {given}; needed {}", needed.dst)
        }
        Gap::Field(Mismatch::Target) => {
            let targets = crate::suggest::change::target_texts(rule).join(", ");
            format!("applies to {targets}, which this VM does not carry")
        }
        Gap::Field(Mismatch::Network) => format!("belongs to network {}", rule.network),
        Gap::Field(Mismatch::Direction) => format!("is for {}", rule.direction),
    };
    NearMissSummary {
        rule: rule.label(),
        priority: rule.priority,
        mismatch: miss.gap.id(),
        detail,
        origin: rule.origin.clone(),
    }
}
