//! Names that may stand in a printed command: only what the APIs accept, checked before anything
//! is printed. Inputs are hostile, and what is printed is pasted into a shell.

use xxhash_rust::xxh3::xxh3_64;

/// Whether `text` is a name of a Compute resource or a network tag: 1–63 characters,
/// `[a-z]([-a-z0-9]*[a-z0-9])?` (Compute API, `Firewall.name`).
#[must_use]
pub fn is_resource_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    (1..=63).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.iter().all(inner)
        && bytes.last() != Some(&b'-')
}

/// Whether `text` is a project id, also of the old form `example.com:project`.
#[must_use]
pub fn is_project(text: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':')
    };
    (1..=93).contains(&text.len())
        && text.bytes().all(allowed)
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}

/// Whether `text` is the e-mail address of a service account.
#[must_use]
pub fn is_account(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'@' | b':');
    text.len() <= 254
        && text.bytes().all(allowed)
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && text.matches('@').count() == 1
}

/// Whether `text` is the id of a security group of AWS: `sg-` and 8 or 17 hexadecimal digits
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html>).
#[must_use]
pub fn is_group(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix("sg-").is_some_and(|id| matches!(id.len(), 8 | 17) && id.bytes().all(digit))
}

/// So long a name may get, with room for a number behind it.
const LONGEST: usize = 60;

/// A resource name made of `parts`: joined by hyphens, anything else replaced. What is too long is
/// cut, and ends with a digest of the whole, so that different names stay different.
#[must_use]
pub fn resource_name(parts: &[&str]) -> String {
    let mut name = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if !name.is_empty() {
            name.push('-');
        }
        let clean = part
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
        name.extend(clean);
    }
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    if name.len() > LONGEST {
        let digest = format!("-{:08x}", xxh3_64(name.as_bytes()) >> 32);
        name.truncate(LONGEST - digest.len());
        name.push_str(&digest);
        name = name.replace("--", "-");
    }
    let name = name.trim_matches('-').trim_start_matches(|c: char| !c.is_ascii_lowercase());
    if name.is_empty() { "allow".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{is_account, is_project, is_resource_name, resource_name};

    #[test]
    fn only_what_the_apis_accept() {
        assert!(is_resource_name("gke-blue-1a2b3c4d-node"));
        for bad in ["", "-a", "a-", "A", "1a", "a_b", "a b", "a;rm -rf /", "$(x)", "a\n"] {
            assert!(!is_resource_name(bad), "{bad:?}");
        }
        assert!(is_project("kf-prod") && is_project("example.com:old"));
        assert!(!is_project("p --quiet") && !is_project("-p"));
        assert!(is_account("nodes@kf-prod.iam.gserviceaccount.com"));
        assert!(!is_account("a@b@c") && !is_account("a b@c"));
    }

    #[test]
    fn made_names_are_names() {
        for parts in
            [&["allow", "Käse", "tcp", "443"][..], &["", "1", "--"], &["x".repeat(99).as_str()]]
        {
            assert!(is_resource_name(&resource_name(parts)), "{parts:?}");
        }
        let long = "platform-production-shared-services-europe-private-network-1";
        let of = |last: &str| resource_name(&[long, last]);
        assert_ne!(of("gcr-io"), of("pkg-dev"));
        assert!(is_resource_name(&format!("{}-2", of("gcr-io"))), "{}", of("gcr-io"));
    }
}
