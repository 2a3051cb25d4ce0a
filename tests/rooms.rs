//! The rules of the house, as tests: which room may know which, what a room may not name, what every file may not
//! hold, and that documents and code say the same of the environment.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which room may know which, in its code. Tests of a room may know more.
const DIRECTIONS: [(&str, &[&str]); 8] = [
    ("raddle-core", &[]),
    ("raddle-checkers", &["raddle-core"]),
    ("raddle-view", &["raddle-core"]),
    ("raddle-runtime", &["raddle-core"]),
    ("raddle-sim", &["raddle-core", "raddle-checkers"]),
    ("raddle", &["raddle-core", "raddle-checkers", "raddle-view", "raddle-runtime", "raddle-sim"]),
    ("raddle-omnipaxos", &["raddle"]),
    ("raddle-bench", &["raddle", "raddle-core", "raddle-checkers", "raddle-sim", "raddle-runtime"]),
];

/// What makes two runs of one seed differ, by name.
const CLOCKS_AND_CHANCE: [&str; 9] = [
    "std::time::Instant",
    "SystemTime",
    "Instant::now",
    "std::thread",
    "thread::spawn",
    "std::env",
    "collections::HashMap",
    "collections::HashSet",
    "std::net",
];

/// The one folder that may: see the first lines of its `mod.rs`.
const CAMPAIGN: &str = "sim/src/campaign/";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn rooms_know_whom_they_may() {
    let metadata =
        MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("a workspace");
    let members: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(members, DIRECTIONS.iter().map(|(room, _)| *room).collect(), "a room without a rule, or a rule without");
    for package in &metadata.packages {
        let (_, allowed) = DIRECTIONS.iter().find(|(room, _)| *room == package.name.as_str()).expect("all have rules");
        let code = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        for known in code.map(|dependency| dependency.name.as_str()).filter(|name| members.contains(name)) {
            assert!(allowed.contains(&known), "{} may not know {known}", package.name);
        }
    }
}

/// The packages that a build of the root with these features takes in.
fn built_with(features: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.current_dir(root()).args(["tree", "--offline", "-p", "raddle", "-e", "normal", "--prefix", "none"]);
    tree.args(["--format", "{p}", "--no-default-features", "--features", features]);
    let output = tree.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn a_service_gets_the_core_and_the_driver() {
    let packages = built_with("threads");
    assert!(packages.contains("raddle-core") && packages.contains("raddle-runtime"));
    for foreign in ["raddle-sim", "raddle-checkers", "raddle-view", "proptest", "clap", "insta", "indicatif"] {
        assert!(!packages.contains(foreign), "{foreign} comes with `threads`");
    }
    let packages = built_with("sim");
    for foreign in ["raddle-runtime", "proptest", "clap", "insta", "indicatif"] {
        assert!(!packages.contains(foreign), "{foreign} comes with `sim`");
    }
}

/// All files of this kind below a folder of the repository; what is built is none of it.
fn files(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("lists").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && name != "target" && name != ".git" {
                folders.push(path);
            } else if path.extension().is_some_and(|e| extensions.iter().any(|known| e == *known)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string().replace('\\', "/")
}

/// The code of a file: no comments, and nothing from its tests on.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_runs_are_made_of_names_no_clock_and_no_chance() {
    for room in ["core/src", "sim/src", "checkers/src"] {
        let sources = files(room, &["rs"]);
        assert!(!sources.is_empty(), "{room}");
        for path in sources.iter().filter(|path| !shown(path).starts_with(CAMPAIGN)) {
            let code = code(&fs::read_to_string(path).expect("reads"));
            for banned in CLOCKS_AND_CHANCE {
                assert!(!code.contains(banned), "{} names {banned}", shown(path));
            }
        }
    }
}

#[test]
fn each_of_these_rooms_bans_them_with_a_reason() {
    for room in ["core", "sim", "checkers"] {
        let text = fs::read_to_string(root().join(room).join("clippy.toml")).expect("reads");
        for banned in
            ["std::time::Instant", "std::time::SystemTime", "std::collections::HashMap", "std::collections::HashSet"]
        {
            let line = text.lines().find(|line| line.contains(&format!("\"{banned}\""))).unwrap_or_default();
            assert!(line.contains("reason = \""), "{room}/clippy.toml does not ban {banned} with a reason");
        }
        for banned in ["std::thread::spawn", "std::env::var"] {
            assert!(text.contains(&format!("\"{banned}\"")), "{room}/clippy.toml does not ban {banned}");
        }
    }
}

#[test]
fn every_crate_forbids_unsafe_code() {
    // The entry point of a fuzz target is not ours, and it is no member of the workspace.
    let ours = |path: &&PathBuf| path.ends_with("Cargo.toml") && !shown(path).starts_with("fuzz/");
    for path in files(".", &["toml"]).iter().filter(ours) {
        let text = fs::read_to_string(path).expect("reads");
        assert!(text.contains("[lints]\nworkspace = true"), "{} does not take the lints of the workspace", shown(path));
    }
    for room in ["core", "sim", "checkers", "view", "runtime", "."] {
        let text = fs::read_to_string(root().join(room).join("src/lib.rs")).expect("reads");
        assert!(text.contains("#![forbid(unsafe_code)]"), "{room}/src/lib.rs");
    }
}

#[test]
fn no_file_holds_a_path_of_the_machine_it_was_written_on() {
    let home = std::env::var("HOME").ok().filter(|home| home.len() > 4).map(|home| home + "/");
    let here: Vec<String> = [Some(root().display().to_string()), home].into_iter().flatten().collect();
    for path in files(".", &["rs", "toml", "md", "ron", "yml", "snap", "sh", "jsonl"]) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        here.iter().for_each(|machine| assert!(!text.contains(machine), "{} holds {machine}", shown(&path)));
    }
    for path in files("seeds", &["ron"]) {
        let text = fs::read_to_string(&path).expect("reads");
        for root in ["home", "root", "Users", "tmp"] {
            assert!(!text.contains(&format!("/{root}/")), "{} holds a path below {root}", shown(&path));
        }
    }
}

#[test]
fn documents_name_only_variables_of_the_table() {
    let known: Vec<&str> = raddle::environment::TABLE.iter().map(|variable| variable.name).collect();
    for path in files(".", &["md", "yml", "rs"]) {
        let text = fs::read_to_string(&path).expect("reads");
        for (at, _) in text.match_indices("RADDLE_") {
            let rest = &text[at..];
            let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(rest.len());
            let name = rest[..end].trim_end_matches('_');
            let misspelt_on_purpose = ["RADDLE", "RADDLE_SEDES"];
            assert!(known.contains(&name) || misspelt_on_purpose.contains(&name), "{} speaks of {name}", shown(&path));
        }
    }
}
