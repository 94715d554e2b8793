//! How much memory may be used: what `--max-memory` says, else half of the machine's.

use crate::correlate::Limits;
use crate::shell::Error;

/// Where the machine does not say how much it has.
const USUAL: u64 = 2 << 30;

/// The limits that keep within `--max-memory`.
pub(super) fn limits(max_memory: Option<&str>) -> Result<Limits, Error> {
    let bytes = match max_memory {
        Some(text) => bytes(text)
            .ok_or_else(|| Error::Usage(format!("{text} is no size: write 512M, 2G, or bytes")))?,
        None => machine().map_or(USUAL, |all| all / 2),
    };
    Ok(Limits::of_bytes(bytes))
}

/// `512M`, `2G`, `1500000000`.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_uppercase();
    let text = text.strip_suffix("IB").or_else(|| text.strip_suffix('B')).unwrap_or(&text);
    let (number, shift) = match text.chars().last()? {
        'K' => (text.strip_suffix('K')?, 10),
        'M' => (text.strip_suffix('M')?, 20),
        'G' => (text.strip_suffix('G')?, 30),
        'T' => (text.strip_suffix('T')?, 40),
        _ => (text, 0),
    };
    number.parse::<u64>().ok().filter(|number| *number > 0)?.checked_mul(1 << shift)
}

/// The memory of the machine (`MemTotal` of proc(5)), or its container's.
#[expect(clippy::disallowed_methods, reason = "this is where the machine is asked")]
fn machine() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let whole = kilobytes.checked_mul(1 << 10)?;
    // A container's own limit (cgroup v2).
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|text| text.trim().parse().ok()).unwrap_or(whole);
    Some(whole.min(limit))
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes() {
        assert_eq!(bytes("512M"), Some(512 << 20));
        assert_eq!(bytes("2g"), Some(2 << 30));
        assert_eq!(bytes("64 MiB".replace(' ', "").as_str()), Some(64 << 20));
        assert_eq!(bytes("1000"), Some(1000));
        for bad in ["", "M", "-1G", "0", "1.5G", "99999999999T"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }
}
