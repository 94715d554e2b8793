//! The house rules, enforced: who may import whom, where the world is touched, how long things
//! are, which words do not belong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
    found
}

fn sources() -> Vec<(String, String)> {
    let src = root().join("src");
    let name = |path: &Path| path.strip_prefix(&src).unwrap().display().to_string();
    files(&src, "rs")
        .iter()
        .map(|path| (name(path), std::fs::read_to_string(path).unwrap()))
        .collect()
}

/// The part before the unit tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap()
}

#[test]
fn rooms_import_only_from_the_left() {
    let core = ["net", "model", "engine", "correlate", "suggest", "checks"];
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let Some((room, _)) = name.split_once('/') else { continue };
        let allowed: Vec<&str> = match room {
            "ingest" => vec!["net", "model", "ingest"],
            "render" => core.iter().copied().chain(["render"]).collect(),
            // Plain data: what is asked, and of what part.
            "cli" => vec!["cli", "net", "model", "correlate"],
            "shell" => continue,
            room => {
                let place = core.iter().position(|one| *one == room).expect("a known room");
                core[..=place].to_vec()
            }
        };
        for part in code(&text).split("crate::").skip(1) {
            let seen: String =
                part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if !seen.is_empty() && !allowed.contains(&seen.as_str()) {
                wrong.push(format!("{name} sees {seen}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The modules that a file imports from, by the paths in its code: where a folder's `mod.rs` only
/// hands a name on, the module that has it.
fn imports(code: &str, faces: &BTreeMap<(String, String), String>) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = BTreeSet::new();
    for path in code.split("crate::").skip(1) {
        let end = path.find(|c: char| !is_name(c) && c != ':').unwrap_or(path.len());
        let (stem, rest) = path.split_at(end);
        let listed = rest.strip_prefix('{').and_then(|list| Some(list.split_once('}')?.0));
        let names = listed.unwrap_or("").split(',').map(|name| name.trim().to_owned());
        let mut walk: Vec<&str> = stem.trim_end_matches(':').split("::").collect();
        let last = if listed.is_some() { "" } else { walk.pop().unwrap_or("") };
        let module = walk.join("/");
        for name in names.chain([last.to_owned()]).filter(|name| !name.is_empty()) {
            let handed_on = faces.get(&(module.clone(), name.clone()));
            found.insert(handed_on.cloned().unwrap_or_else(|| format!("{module}/{name}")));
        }
        found.insert(module);
    }
    found
}

/// Files that import one another in a circle are one file that was cut in the wrong place. A folder
/// and its own `mod.rs` are one.
#[test]
fn no_files_import_one_another_in_a_circle() {
    let module = |name: &str| name.trim_end_matches(".rs").trim_end_matches("/mod").to_owned();
    // A link in a comment ties nothing.
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let said = |text: &str| code(text).lines().filter(is_code).collect::<Vec<_>>().join("\n");
    let sources: Vec<(String, String)> =
        sources().iter().map(|(name, text)| (module(name), said(text))).collect();
    let mut faces = BTreeMap::new();
    for (name, text) in &sources {
        for handed_on in text.split("pub use ").skip(1) {
            let Some((list, _)) = handed_on.split_once(';') else { continue };
            let Some((from, names)) = list.split_once("::") else { continue };
            for one in names.trim_matches(['{', '}']).split(',') {
                faces.insert((name.clone(), one.trim().to_owned()), format!("{name}/{from}"));
            }
        }
    }
    let mut above: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, text) in &sources {
        let of_name = imports(text, &faces);
        let known = sources.iter().map(|(other, _)| other.as_str());
        let tied = known.filter(|other| of_name.contains(*other) && other != name);
        above.insert(name, tied.filter(|other| !name.starts_with(&format!("{other}/"))).collect());
    }
    assert!(above["correlate/causes"].contains("correlate/questions"), "imports are not seen");
    // What imports nothing that is left is no part of a circle.
    loop {
        let left: BTreeSet<&str> = above.keys().copied().collect();
        let before = above.len();
        above.retain(|_, tied| tied.iter().any(|other| left.contains(other)));
        if above.len() == before {
            break;
        }
    }
    let reached = |from: &str| {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> = above[from].iter().copied().collect();
        while let Some(one) = next.pop() {
            if seen.insert(one) {
                next.extend(above.get(one).into_iter().flatten());
            }
        }
        seen
    };
    let circle: Vec<&str> =
        above.keys().copied().filter(|one| reached(one).contains(one)).collect();
    for one in &circle {
        eprintln!(
            "{one} -> {:?}",
            above[one].iter().filter(|o| circle.contains(o)).collect::<Vec<_>>()
        );
    }
    assert!(circle.is_empty(), "{circle:?}");
}

#[test]
fn only_the_shell_touches_the_world() {
    let world = [
        "std::fs",
        "std::env",
        "std::io",
        "SystemTime",
        "Instant::now",
        "std::process",
        "std::net::Tcp",
        "println!",
        "eprintln!",
    ];
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        if name.starts_with("shell/") || name == "main.rs" {
            continue;
        }
        for word in world {
            // The package's own version is no part of the world.
            if code(&text).replace("env!(", "").contains(word) {
                wrong.push(format!("{name}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn heavy_packages_have_one_home_each() {
    for (package, homes) in [
        ("clap", &["cli.rs"][..]),
        ("serde_saphyr", &["ingest/document.rs", "render/cnrm.rs", "render/policy.rs"]),
        ("polars", &["correlate/frames.rs"]),
        ("comfy_table", &["render/table.rs"]),
        ("rayon", &["shell/gather.rs", "shell/resources.rs", "shell/run.rs", "shell/simulate.rs"]),
        ("ipnet", &["net/cidr.rs", "correlate/roles.rs"]),
        ("chrono", &["net/timestamp.rs", "shell/run.rs"]),
        ("indicatif", &["shell/output.rs"]),
    ] {
        for (name, text) in sources() {
            let uses = code(&text).lines().any(|line| {
                !line.trim_start().starts_with("//") && line.contains(&format!("{package}::"))
            });
            assert!(!uses || homes.contains(&name.as_str()), "{name} uses {package}");
        }
    }
}

#[test]
fn nothing_is_too_long() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let lines = text.lines().count();
        if lines > 600 {
            wrong.push(format!("{name}: {lines} lines"));
        }
        let mut start = None;
        for (number, line) in code(&text).lines().enumerate() {
            if line.chars().count() > 100 && !line.contains("https://") {
                wrong.push(format!("{name}:{}: {} columns", number + 1, line.chars().count()));
            }
            let indent = line.len() - line.trim_start().len();
            let head =
                line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(super) ");
            if head.starts_with("fn ") && start.is_none() {
                start = Some((number, indent));
            }
            if let Some((from, depth)) = start
                && line.trim() == "}"
                && indent == depth
            {
                if number - from > 75 {
                    wrong.push(format!(
                        "{name}:{}: a function of {} lines",
                        from + 1,
                        number - from + 1
                    ));
                }
                start = None;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_begins_with_what_it_is() {
    for (name, text) in sources() {
        assert!(text.starts_with("//! "), "{name} has no head");
        assert!(!text.contains("todo!") && !text.contains("unimplemented!"), "{name}");
    }
    let smells = ["utils.rs", "helpers.rs", "common.rs", "manager.rs", "misc.rs"];
    for (name, _) in sources() {
        assert!(!smells.iter().any(|smell| name.ends_with(smell)), "{name}");
    }
}

#[test]
fn every_check_has_its_page_and_its_samples() {
    for check in vpcwhy::checks::CHECKS {
        let page = check.page();
        for word in ["What it means", "What to do", "Source:"] {
            assert!(page.contains(word), "{} lacks {word:?}", check.id);
        }
        assert!(page.contains("https://"), "{}", check.id);
        for case in [check.id.to_owned(), format!("{}-clear", check.id)] {
            assert!(root().join("samples").join(&case).join("WHY.md").is_file(), "{case}");
        }
        let file = root().join("src/checks").join(format!("{}.rs", check.id.replace('-', "_")));
        assert!(file.is_file(), "{} has no file of its own", check.id);
    }
}

#[test]
fn the_changelog_tells_of_this_version() {
    let changelog = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(changelog.contains(env!("CARGO_PKG_VERSION")));
}
