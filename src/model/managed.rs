//! The names of the firewall rules that GKE writes and keeps as it wants them: a table, with the
//! source of each row. A rule of such a name is never edited by a suggestion: GKE would undo it.

use std::sync::LazyLock;

use regex::Regex;

static TABLE: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let rows = include_str!("managed.csv").lines().skip(1);
    rows.filter_map(|row| {
        let mut cells = row.split(',');
        Some((Regex::new(cells.next()?).ok()?, cells.next()?))
    })
    .collect()
});

/// What of GKE's a rule of this name is, if anything.
#[must_use]
pub fn gke_rule(name: &str) -> Option<&'static str> {
    TABLE.iter().find(|(pattern, _)| pattern.is_match(name)).map(|(_, what)| *what)
}

/// The node tag in the name of an automatic rule: `gke-blue-1a2b3c4d-master` gives
/// `gke-blue-1a2b3c4d-node`.
#[must_use]
pub fn node_tag_of_rule(name: &str) -> Option<String> {
    let stem = ["-master", "-vms", "-all", "-inkubelet", "-exkubelet"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))?;
    let hash = stem.rsplit('-').next()?;
    let is_hash = hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let of_gke = stem.starts_with("gke-") || stem.starts_with("gk3-");
    (of_gke && is_hash).then(|| format!("{stem}-node"))
}

/// Whether GKE made the rule of this name for a cluster: by the cluster's name, and by the first
/// characters of its id, where that is known.
#[must_use]
pub fn is_rule_for(rule: &str, cluster: &str, id: Option<&str>) -> bool {
    let Some(tag) = node_tag_of_rule(rule) else { return false };
    let hash = id.and_then(|id| id.get(..8));
    let is_its = cluster_of_node_tag(&tag) == Some(cluster);
    is_its && hash.is_none_or(|hash| tag.ends_with(&format!("-{hash}-node")))
}

/// The cluster in a node tag: `gke-blue-1a2b3c4d-node` is of `blue`. Autopilot writes `gk3-`.
#[must_use]
pub fn cluster_of_node_tag(tag: &str) -> Option<&str> {
    let stem = tag.strip_prefix("gke-").or_else(|| tag.strip_prefix("gk3-"))?;
    let (name, hash) = stem.strip_suffix("-node")?.rsplit_once('-')?;
    (hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{TABLE, gke_rule, node_tag_of_rule};

    #[test]
    fn every_row_is_a_pattern() {
        assert_eq!(TABLE.len(), include_str!("managed.csv").lines().count() - 1);
    }

    #[test]
    fn recognises_the_rules_of_gke_and_no_others() {
        for name in ["gke-blue-1a2b3c4d-master", "k8s-fw-l7--8b12f35ea8442830", "k8s2-ab-fw"] {
            assert!(gke_rule(name).is_some(), "{name}");
        }
        for name in ["allow-gke", "gke-webhooks-all", "gke-deny-all", "default-allow-ssh"] {
            assert!(gke_rule(name).is_none(), "{name}");
        }
        assert_eq!(
            node_tag_of_rule("gke-blue-1a2b3c4d-master").as_deref(),
            Some("gke-blue-1a2b3c4d-node")
        );
        assert_eq!(node_tag_of_rule("gke-mine-master"), None);
    }
}
