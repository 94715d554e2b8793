//! What all tests share: running the program as a person would, and reading resources from text.
#![allow(dead_code, reason = "each test file uses a part of this")]

pub(crate) mod small;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use vpcwhy::ingest::document::Place;
use vpcwhy::ingest::log::Form;
use vpcwhy::ingest::reader::{Reader, finish};
use vpcwhy::model::Inventory;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The corpus of real files, which is not part of the project. Says loudly where it is missing.
pub(crate) fn corpus() -> Option<PathBuf> {
    let path = root().join("../shared/corpus");
    if path.is_dir() {
        return Some(path);
    }
    // Written past the test runner, which keeps what passing tests print to itself.
    use std::io::Write as _;
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: {} is not there; real data was not tested",
        path.display()
    );
    None
}

/// Runs the program in the repository's root.
pub(crate) fn run(arguments: &[&str]) -> Output {
    run_with(arguments, None)
}

/// Runs the program with something on standard input.
pub(crate) fn run_with(arguments: &[&str], input: Option<&[u8]>) -> Output {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_vpcwhy"))
        .args(arguments)
        .current_dir(root())
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    if let (Some(bytes), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(bytes).expect("the program reads");
    }
    child.wait_with_output().expect("the program ends")
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// The JSON answer of a command that succeeds.
#[track_caller]
pub(crate) fn json(arguments: &[&str]) -> serde_json::Value {
    let mut all = arguments.to_vec();
    all.extend(["--format", "json"]);
    let output = run(&all);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What `sim` answers to ssh from somewhere to a VM of the network `n`.
#[track_caller]
pub(crate) fn ssh(source: &str, more: &[&str]) -> serde_json::Value {
    let mut all = vec!["sim", "--direction", "INGRESS", "--protocol", "tcp", "--port", "22"];
    all.extend(["--from", source, "--to", "10.0.0.5", "--network", "n"]);
    all.extend(["--target-tags=", "--target-service-account=", "--format", "json"]);
    all.extend(more);
    let output = run(&all);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

/// The findings of a check in a JSON answer.
pub(crate) fn findings<'a>(
    report: &'a serde_json::Value,
    check: &str,
) -> Vec<&'a serde_json::Value> {
    let all = report["findings"].as_array().expect("findings");
    all.iter().filter(|finding| finding["check"] == check).collect()
}

/// The inventory of resources given as JSON values.
pub(crate) fn inventory(values: &[serde_json::Value]) -> Inventory {
    let mut reader = Reader::default();
    let place = Place { path: Arc::from("test.json"), line: 1, byte: 0 };
    for value in values {
        reader.piece(&value.to_string(), Form::Json, &place);
    }
    finish(vec![reader]).0
}

/// A scratch directory with these files.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    for (name, bytes) in files {
        let path: &Path = &folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, bytes).expect("a file");
    }
    folder
}
