//! The rules that GKE and its controllers write by themselves, as a table with the source of each
//! row: what manifests do not hold, and what an export should.

use std::sync::LazyLock;

use crate::model::Action;
use crate::model::firewall::Layer4;
use crate::net::PortSet;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomaticRule {
    /// How its name ends: `gke-CLUSTER-HASH-master`. Those of controllers have other names.
    pub rule: &'static str,
    /// What it does.
    pub action: Action,
    /// Its priority.
    pub priority: u32,
    /// Who comes from its sources: `control-plane`, `nodes`, `pods`, `anywhere`,
    /// `load-balancer-probes`, `passthrough-probes`.
    pub sources: &'static str,
    /// Protocols and ports.
    pub traffic: Vec<Layer4>,
}

/// The table.
#[must_use]
pub fn table() -> &'static [AutomaticRule] {
    static TABLE: LazyLock<Vec<AutomaticRule>> =
        LazyLock::new(|| include_str!("automatic.csv").lines().skip(1).filter_map(row).collect());
    &TABLE
}

fn row(line: &'static str) -> Option<AutomaticRule> {
    let mut cells = line.split(',');
    let mut cell = || cells.next();
    let (rule, action, priority) = (cell()?, cell()?, cell()?.parse().ok()?);
    let (sources, traffic) = (cell()?, cell()?);
    let part = |text: &str| {
        let (protocol, ports) = match text.split_once(':') {
            Some((protocol, ports)) => (protocol, Some(PortSet::parse(ports)?)),
            None => (text, None),
        };
        Some(Layer4 { protocol: Some(protocol.parse().ok()?), ports })
    };
    Some(AutomaticRule {
        rule,
        action: if action == "deny" { Action::Deny } else { Action::Allow },
        priority,
        sources,
        traffic: traffic.split(' ').filter_map(part).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn every_row_is_read_whole() {
        let lines = include_str!("automatic.csv").lines().skip(1);
        assert_eq!(table().len(), lines.clone().count());
        for (row, line) in table().iter().zip(lines) {
            let parts = line.split(',').nth(4).unwrap().split(' ').count();
            assert_eq!(row.traffic.len(), parts, "{line}");
        }
    }
}
