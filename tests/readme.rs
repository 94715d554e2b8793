//! The README's session is what the program prints, and its table of commands is whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::{root, run, stdout};

#[test]
fn the_session_is_what_the_program_prints() {
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let start = "```console\n$ cargo run --release -- demo\n";
    let (before, rest) = readme.split_once(start).expect("the session");
    let (session, after) = rest.split_once("```\n").expect("its end");
    let actual = stdout(&run(&["demo", "--width", "100", "--color", "never"]));
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(&path, format!("{before}{start}{actual}```\n{after}")).unwrap();
        return;
    }
    assert_eq!(session, actual, "UPDATE=1 cargo test --test readme writes it anew");
}

#[test]
fn every_command_is_in_the_table() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let help = stdout(&run(&["--help"]));
    let commands = help.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    for line in commands.lines().filter(|line| !line.trim().is_empty()) {
        let command = line.split_whitespace().next().unwrap();
        if command != "help" {
            assert!(readme.contains(&format!("`vpcwhy {command}")), "{command} is missing");
        }
    }
}
