//! Writes to standard output: a log by `cargo bench --bench generate -- ENTRIES DENIED% CONNECTIONS`,
//! an export of firewall rules by `cargo bench --bench generate -- rules NUMBER`.
#![allow(missing_docs, reason = "a program, not a library")]

mod support;

use std::io::Write as _;

fn main() {
    let numbers: Vec<u64> =
        std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let number = |at: usize, default: u64| numbers.get(at).copied().unwrap_or(default);
    let plan = support::Plan {
        entries: number(0, 100_000),
        denied_percent: number(1, 5),
        connections: number(2, 10_000),
    };
    let rules = std::env::args().any(|argument| argument == "rules");
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut text = String::new();
    for at in 0..plan.entries {
        text.clear();
        if rules {
            text.push_str(if at == 0 { "[\n" } else { ",\n" });
            support::write_rule(at, &mut text);
        } else {
            support::write_entry(&plan, at, &mut text);
        }
        if out.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
    if rules {
        let _ = out.write_all(b"\n]\n");
    }
}
