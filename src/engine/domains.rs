//! Names as they are compared, and those that Google serves on its VIPs.
//!
//! ```text
//! eu.gcr.io is under gcr.io: on both VIPs    web-abc.a.run.app: on private.googleapis.com alone
//! ```

/// A name as it is compared: in lower case, without the dot at its end.
#[must_use]
pub fn plain(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a name is a suffix, or ends in it. The root's, which is empty, is that of all names.
pub(super) fn is_under(name: &str, suffix: &str) -> bool {
    name == suffix
        || suffix.is_empty()
        || name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
}

/// What Google serves on both of its VIPs.
const ON_BOTH: [&str; 3] = ["gcr.io", "pkg.dev", "googleapis.com"];

/// What it serves on private.googleapis.com besides: the names that its own blueprint sends there
/// (<https://github.com/GoogleCloudPlatform/cloud-foundation-fabric/blob/11c1d2488/fast/stages/2-networking/datasets/hub-and-spokes-peerings/dns/response-policies/net-core-0.yaml>).
const ON_PRIVATE: [&str; 10] = [
    "appspot.com",
    "cloudfunctions.net",
    "dl.google.com",
    "gke.goog",
    "gstatic.com",
    "packages.cloud.google.com",
    "pki.goog",
    "run.app",
    "source.developers.google.com",
    "storage.cloud.google.com",
];

fn is_under_any(host: &str, suffixes: &[&str]) -> bool {
    let host = plain(host);
    suffixes.iter().any(|suffix| is_under(&host, suffix))
}

/// Whether Google serves a host on one of its VIPs.
#[must_use]
pub fn is_googles(host: &str) -> bool {
    domain_on_both(host).is_some() || is_under_any(host, &ON_PRIVATE)
}

/// The domain of a host that Google serves on both of its VIPs.
#[must_use]
pub fn domain_on_both(host: &str) -> Option<&'static str> {
    ON_BOTH.into_iter().find(|domain| is_under(&plain(host), domain))
}

/// Whether Google serves a host on the VIP of this name.
#[must_use]
pub fn is_served_by(host: &str, vip: &str) -> bool {
    domain_on_both(host).is_some()
        || vip == "private.googleapis.com" && is_under_any(host, &ON_PRIVATE)
}

#[cfg(test)]
mod tests {
    use super::{is_googles, is_served_by};

    #[test]
    fn knows_what_google_serves_on_its_vips() {
        for (host, googles, restricted) in [
            ("eu.gcr.io", true, true),
            ("europe-docker.pkg.dev.", true, true),
            ("web-abc.a.run.app", true, false),
            ("packages.cloud.google.com", true, false),
            ("notgcr.io", false, false),
            ("gcr.io.example.com", false, false),
            ("cloud.google.com", false, false),
        ] {
            assert_eq!(is_googles(host), googles, "{host}");
            assert_eq!(is_served_by(host, "restricted.googleapis.com"), restricted, "{host}");
            assert_eq!(is_served_by(host, "private.googleapis.com"), googles, "{host}");
        }
    }
}
