//! Google's well-known ranges: a table with a source and a date for each row, not code.
//!
//! Example: `35.191.12.1` is a health check's prober, whoever's VPC it is seen in.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use crate::net::{IpNet, Role, parse_cidr};

/// One row of `well_known.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WellKnown {
    /// The range.
    pub range: IpNet,
    /// What its addresses are.
    pub role: Role,
    /// Which of them: `private.googleapis.com`.
    pub name: &'static str,
    /// The day it was read.
    pub as_of: &'static str,
    /// The page it was read on.
    pub source: &'static str,
}

static TABLE: LazyLock<Vec<WellKnown>> = LazyLock::new(|| {
    include_str!("well_known.csv").lines().skip(1).filter_map(parse_row).collect()
});

fn parse_row(row: &'static str) -> Option<WellKnown> {
    let mut cells = row.split(',');
    Some(WellKnown {
        range: parse_cidr(cells.next()?)?,
        role: Role::from_id(cells.next()?)?,
        name: cells.next()?,
        as_of: cells.next()?,
        source: cells.next()?,
    })
}

/// The whole table, in the order of the file.
#[must_use]
pub fn table() -> &'static [WellKnown] {
    &TABLE
}

/// Of those that probe all load balancers, the range that probes external passthrough ones, too.
const SHARED: &str = "35.191.0.0/16";

/// Where an external passthrough load balancer is probed from over IPv4: its own ranges and one of
/// the common ones (<https://cloud.google.com/load-balancing/docs/firewall-rules>).
#[must_use]
pub fn external_passthrough() -> Vec<IpNet> {
    let own =
        |row: &&WellKnown| row.role == Role::HealthCheck && row.name.starts_with("passthrough");
    let own = TABLE.iter().filter(own).map(|row| row.range);
    parse_cidr(SHARED).into_iter().chain(own.filter(|range| range.addr().is_ipv4())).collect()
}

/// All ranges that GKE opens together with those of `name`: for passthrough load balancers,
/// internal and external ones, all four.
#[must_use]
pub fn ranges_with(role: Role, name: &str) -> Vec<IpNet> {
    let passthrough = name.starts_with("passthrough");
    let wanted = |row: &&WellKnown| {
        row.role == role
            && (row.name == name || passthrough && row.name == "load balancer health checks")
    };
    TABLE.iter().filter(wanted).map(|row| row.range).collect()
}

/// A VIP of Google's APIs
/// (<https://cloud.google.com/vpc/docs/configure-private-google-access#domain-options>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vip {
    /// `private.googleapis.com`
    pub name: &'static str,
    /// Its four addresses.
    pub range: IpNet,
}

impl Vip {
    /// Its addresses, each.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let IpNet::V4(range) = self.range else { return Vec::new() };
        let all = range.network().to_bits()..=range.broadcast().to_bits();
        all.map(|bits| Ipv4Addr::from_bits(bits).into()).collect()
    }
}

/// The VIPs, private before restricted.
pub fn vips() -> impl Iterator<Item = Vip> {
    ["private.googleapis.com", "restricted.googleapis.com"].into_iter().filter_map(|name| {
        let ranges = ranges_with(Role::GoogleApis, name);
        let range = ranges.into_iter().find(|range| range.addr().is_ipv4())?;
        Some(Vip { name, range })
    })
}

#[cfg(test)]
mod tests {
    use super::{ranges_with, table};
    use crate::net::Role;

    #[test]
    fn every_row_of_the_file_is_read() {
        assert_eq!(table().len(), include_str!("well_known.csv").lines().count() - 1);
        assert!(table().iter().all(|row| row.source.starts_with("https://")));
    }

    #[test]
    fn passthrough_probes_need_the_common_ranges_too() {
        let v4 = |name: &str| {
            let ranges = ranges_with(Role::HealthCheck, name);
            ranges.iter().filter(|range| range.addr().is_ipv4()).count()
        };
        assert_eq!(v4("load balancer health checks"), 2);
        assert_eq!(v4("passthrough load balancer health checks"), 4);
    }
}
