//! What other suggestions of the same run change already: names are not taken twice, and two
//! corrections of one rule add up, in the order in which findings are listed.

use crate::correlate::Cause;
use crate::engine::{Outcome, match_rule};
use crate::model::FirewallRule;
use crate::net::Direction;
use crate::suggest::change::{Change, Safety};
use crate::suggest::proposal::{Proposal, exposes};
use crate::suggest::prove::Suggestion;

/// The suggestions for findings that are listed before.
#[derive(Debug, Clone, Default)]
pub struct Earlier {
    /// The first of each: what is carried out.
    first: Vec<Suggestion>,
    /// Rules that any of them would add, also as an alternative.
    added: Vec<FirewallRule>,
}

impl Earlier {
    /// Notes what was suggested for one finding.
    pub fn note(&mut self, fixes: &[Suggestion]) {
        self.first.extend(fixes.first().cloned());
        let added = fixes.iter().map(Suggestion::change).filter(|change| change.before().is_none());
        self.added.extend(added.map(|change| change.rule().clone()));
    }

    /// What is carried out for the others.
    pub fn each(&self) -> impl Iterator<Item = &Suggestion> {
        self.first.iter()
    }

    /// What was suggested for the others, for this cause: no more to be trusted there than here.
    pub fn again<'c, 'a>(&self, cause: &'c Cause<'a>) -> impl Iterator<Item = Proposal<'c, 'a>> {
        let exposing = if exposes(cause) { Safety::Review } else { Safety::Safe };
        // Most speak of something else: these need no proof.
        let speaks = |suggested: &&Suggestion| {
            let rule = suggested.change().rule();
            let misses = |flow| matches!(match_rule(rule, flow, &mut ()), Outcome::Missed(_));
            cause.flows().next().is_none_or(|flow| !misses(flow))
        };
        self.first.iter().filter(speaks).map(move |suggested| {
            let rule = suggested.change().rule();
            let peer = match rule.direction {
                Direction::Ingress => &rule.source,
                Direction::Egress => &rule.destination,
            };
            let mut notes = vec!["the same change mends another finding, too".to_owned()];
            notes.extend(suggested.notes().iter().cloned());
            Proposal {
                change: suggested.change().clone(),
                wanted: vec![cause],
                needed: peer.clone().unwrap_or_default(),
                safety: suggested.safety().max(exposing),
                notes,
            }
        })
    }

    /// The rule as it would stand after the earlier suggestions.
    pub(super) fn rule<'r>(&'r self, rule: &'r FirewallRule) -> &'r FirewallRule {
        let same = |change: &&Change| change.before().is_some_and(|before| before == rule);
        self.first.iter().rev().map(Suggestion::change).find(same).map_or(rule, Change::rule)
    }

    /// Rules that would be added.
    pub(super) fn added(&self) -> impl Iterator<Item = &FirewallRule> {
        let changes = self.first.iter().map(Suggestion::change);
        changes.filter(|change| change.before().is_none()).map(Change::rule)
    }

    /// Whether a name is that of another rule than this.
    pub(super) fn takes(&self, name: &str, rule: &FirewallRule) -> bool {
        self.added.iter().any(|one| {
            let own = Some(name);
            one.name.as_deref() == own
                && FirewallRule { name: None, ..one.clone() }
                    != FirewallRule { name: None, ..rule.clone() }
        })
    }
}
