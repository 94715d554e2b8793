//! The checks: one file and one line in [`CHECKS`] each. The head of a check's file is the page
//! that `vpcwhy explain` prints.

pub mod blocked;
pub mod exposure;
pub mod finding;
pub mod needed;
pub mod pasted;
pub mod remedies;
pub mod report;
pub mod roads;

mod aggregated_api_blocked;
mod cluster_internal_blocked;
mod cluster_stuck;
mod control_plane_egress_blocked;
mod control_plane_ingress_blocked;
mod dangling_reference;
mod default_route_missing;
mod dns_blocked;
mod dns_record_missing;
mod dns_record_wrong_target;
mod dns_zone_missing;
mod dns_zone_not_attached;
mod exposure_blocked;
mod exposure_controller_unfit;
mod exposure_no_auth;
mod exposure_no_tls;
mod exposure_too_open;
mod external_egress_blocked;
mod google_api_egress_blocked;
mod health_check_blocked;
mod iap_blocked;
mod image_pull_failing;
mod internet_scan;
mod logged;
mod mended;
mod nat_missing;
mod nat_range_uncovered;
mod operation_failed;
mod private_google_access_disabled;
mod private_route_missing;
mod private_route_outranked;
mod private_route_wrong_next_hop;
mod resource_drifted;
mod resource_not_ready;
mod rule_not_logged;
mod rule_shadowed;
mod rule_too_broad;
mod snapshot_disagrees;
mod unexplained_denial;
mod webhook_backend_missing;
mod webhook_port_blocked;
mod wrong_network_reference;

pub use finding::{Basis, Confidence, Finding, Severity};
pub use report::Report;

use std::cell::OnceCell;

use crate::checks::mended::Mended;
use crate::correlate::exposure::Way;
use crate::correlate::scope::Scope;
use crate::correlate::{Cause, Correlation, Directory, Question};
use crate::model::Reference;
use crate::suggest::Printer;

/// A check.
#[derive(Debug)]
pub struct Check {
    /// Its id, which names the problem.
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// How bad a finding of it is.
    pub severity: Severity,
    /// The text of its file, whose head is its page.
    pub source: &'static str,
    /// Whether a cause of denials is of its kind. The first check of the list that says so gets it.
    pub claims: Option<fn(&Cause<'_>) -> bool>,
    /// Looks.
    pub run: fn(&Check, &Evidence<'_, '_>) -> Outcome,
}

/// What a check found.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing of its kind.
    Clear,
    /// It could not look, and why.
    Skipped(&'static str),
    /// Findings.
    Found(Vec<Finding>),
}

/// Everything that checks look at.
pub struct Evidence<'e, 'a> {
    /// The inventory and who is who in it.
    pub directory: &'e Directory<'a>,
    /// The causes of denials.
    pub correlation: &'e Correlation<'a>,
    /// The id of the check that each cause belongs to.
    pub claims: Vec<&'static str>,
    /// What is asked about.
    pub scope: &'e Scope,
    /// All logged connections, placed.
    pub logged: Vec<&'e Question<'a>>,
    /// Prints changes and reads them back.
    pub printer: &'e dyn Printer,
    /// What mends each cause, once somebody asked.
    mended: OnceCell<Vec<Mended>>,
    /// Networks of which the rules that GKE writes by itself were assumed.
    pub assumed: Vec<Reference>,
}

impl<'e, 'a> Evidence<'e, 'a> {
    /// Puts the evidence together; every cause goes to one check.
    #[must_use]
    pub fn new(
        directory: &'e Directory<'a>,
        correlation: &'e Correlation<'a>,
        scope: &'e Scope,
        printer: &'e dyn Printer,
    ) -> Self {
        let ways = &correlation.ways;
        let claims = correlation.causes.iter().map(|cause| claimant(cause, ways)).collect();
        let denied = correlation.causes.iter().flat_map(|cause| &cause.questions);
        let logged = denied.chain(&correlation.passed).collect();
        let (mended, assumed) = (OnceCell::new(), Vec::new());
        Self { directory, correlation, claims, scope, logged, printer, mended, assumed }
    }

    /// What mends a cause.
    fn mended(&self, cause: &Cause<'_>) -> Mended {
        let all = self.mended.get_or_init(|| mended::mend_all(self));
        let pairs = self.correlation.causes.iter().zip(all);
        let mut own = pairs.filter(|(one, _)| std::ptr::eq(*one, cause)).map(|(_, mended)| mended);
        own.next().cloned().unwrap_or_default()
    }

    /// Whether rules of GKE's were assumed in this network, since only manifests were given.
    #[must_use]
    pub fn assumes(&self, network: Option<&Reference>) -> bool {
        network.is_some_and(|network| self.assumed.iter().any(|one| one.agrees(network)))
    }

    /// The causes that belong to a check.
    pub fn causes_of(
        &self,
        check: &Check,
    ) -> impl Iterator<Item = &'e Cause<'a>> + use<'_, 'e, 'a> {
        let id = check.id;
        let pairs = self.correlation.causes.iter().zip(&self.claims);
        pairs.filter(move |(_, claim)| **claim == id).map(|(cause, _)| cause)
    }
}

/// All checks. Among those that claim causes the order decides: special kinds first.
pub const CHECKS: [&Check; 40] = [
    &snapshot_disagrees::CHECK,
    &control_plane_egress_blocked::CHECK,
    &control_plane_ingress_blocked::CHECK,
    &webhook_port_blocked::CHECK,
    &aggregated_api_blocked::CHECK,
    &webhook_backend_missing::CHECK,
    &health_check_blocked::CHECK,
    &iap_blocked::CHECK,
    &dns_blocked::CHECK,
    &google_api_egress_blocked::CHECK,
    &image_pull_failing::CHECK,
    &cluster_internal_blocked::CHECK,
    &external_egress_blocked::CHECK,
    &exposure_blocked::CHECK,
    &exposure_too_open::CHECK,
    &exposure_no_tls::CHECK,
    &exposure_controller_unfit::CHECK,
    &exposure_no_auth::CHECK,
    &dns_record_missing::CHECK,
    &dns_record_wrong_target::CHECK,
    &dns_zone_missing::CHECK,
    &dns_zone_not_attached::CHECK,
    &private_google_access_disabled::CHECK,
    &private_route_missing::CHECK,
    &private_route_outranked::CHECK,
    &private_route_wrong_next_hop::CHECK,
    &default_route_missing::CHECK,
    &nat_missing::CHECK,
    &nat_range_uncovered::CHECK,
    &cluster_stuck::CHECK,
    &operation_failed::CHECK,
    &resource_not_ready::CHECK,
    &dangling_reference::CHECK,
    &wrong_network_reference::CHECK,
    &resource_drifted::CHECK,
    &internet_scan::CHECK,
    &unexplained_denial::CHECK,
    &rule_shadowed::CHECK,
    &rule_too_broad::CHECK,
    &rule_not_logged::CHECK,
];

fn claimant(cause: &Cause<'_>, ways: &[Way<'_>]) -> &'static str {
    if let Some(id) = needed::check_of(cause) {
        return id;
    }
    // Somebody from outside, on a port that an application is exposed by.
    if ways.iter().any(|way| exposure::is_entered(way, cause)) {
        return exposure_blocked::CHECK.id;
    }
    let claims = |check: &&&Check| check.claims.is_some_and(|claims| claims(cause));
    CHECKS.iter().find(claims).map_or(unexplained_denial::CHECK.id, |check| check.id)
}

/// The check of that id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.id == id).copied()
}

impl Check {
    /// The page: the head of the check's file.
    #[must_use]
    pub fn page(&self) -> String {
        let head = self.source.lines().take_while(|line| line.starts_with("//!"));
        let lines = head.map(|line| {
            let text = line.strip_prefix("//!").unwrap_or(line);
            // The brackets make a link in the documentation of the code.
            text.strip_prefix(' ').unwrap_or(text).replace(['<', '>'], "")
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Runs every check; the most important findings first.
#[must_use]
pub fn run_all(evidence: &Evidence<'_, '_>) -> (Vec<Finding>, Vec<(&'static str, &'static str)>) {
    let mut findings = Vec::new();
    let mut skipped = Vec::new();
    for check in CHECKS {
        match (check.run)(check, evidence) {
            Outcome::Clear => {}
            Outcome::Skipped(why) => skipped.push((check.id, why)),
            Outcome::Found(found) => findings.extend(pasted::joined(found)),
        }
    }
    findings.sort_by_key(|finding| {
        // What is told of a rule, or passed, is no denial: it does not go before one by its count.
        let seen = finding.observed.as_ref().filter(|_| finding.flow.is_some());
        let count = seen.map_or(0, |observed| observed.count);
        let place = CHECKS.iter().position(|check| check.id == finding.check);
        let ports = finding.flow.as_ref().and_then(|flow| flow.ports.first());
        let port = ports.and_then(|port| port.parse::<u16>().ok());
        (std::cmp::Reverse((finding.severity, count)), place, port, finding.id.clone())
    });
    (findings, skipped)
}
