//! The README says what happens: its commands are run, and what it prints is what they print.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("there is a README")
}

fn raddle(words: &str, folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raddle"));
    command.args(words.split_whitespace()).current_dir(folder).env_clear().env("LANG", "C.UTF-8");
    command.output().expect("the command runs")
}

/// What is printed, without the one line that tells the time.
fn timeless(text: &str) -> Vec<&str> {
    text.trim().lines().filter(|line| !line.trim_start().starts_with("found:")).collect()
}

#[test]
fn the_first_command_prints_what_the_readme_shows() {
    let (readme, folder) = (readme(), tempfile::tempdir().expect("a folder"));
    let blocks: Vec<&str> = readme.split("```").collect();
    let command = blocks.iter().find_map(|block| block.strip_prefix("text\n$ cargo run --release -- explore"));
    let shown = blocks.iter().find_map(|block| block.strip_prefix("text\nviolation:")).expect("a failure is shown");
    let output = raddle(&format!("explore {}", command.expect("a command is shown")), folder.path());
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).expect("text");
    assert_eq!(timeless(&printed), timeless(&format!("violation:{shown}")));

    let saved = printed.lines().find_map(|line| line.trim().strip_prefix("replay:  raddle replay ")).expect("saved");
    assert!(readme.contains(&format!("replay {saved}")), "the README replays {saved}");
    let again = raddle(&format!("replay {saved}"), folder.path());
    assert_eq!(again.status.code(), Some(1), "the same violation");
    assert!(String::from_utf8_lossy(&again.stdout).contains("the same run, event for event"));
}

#[test]
fn what_a_clean_search_is_worth_is_as_the_readme_shows() {
    let (readme, folder) = (readme(), tempfile::tempdir().expect("a folder"));
    let command = "explore ring --seeds 1000";
    assert!(readme.contains(&format!("`raddle {command}`")));
    let printed = String::from_utf8(raddle(command, folder.path()).stdout).expect("text");
    let shown = readme.split("```").find_map(|block| block.strip_prefix("text\n  worth:")).expect("it is shown");
    assert!(printed.contains(&format!("  worth:{shown}")), "{printed}");
}

#[test]
fn what_a_fault_leads_to_is_as_the_readme_shows() {
    let (readme, folder) = (readme(), tempfile::tempdir().expect("a folder"));
    let command = "explore retry --bug forget-timers";
    assert!(readme.contains(&format!("$ cargo run --release -- {command}\n")));
    let printed = String::from_utf8(raddle(command, folder.path()).stdout).expect("text");
    let shown = readme.split("```").find_map(|block| block.strip_prefix("text\n  step 5 of 5")).expect("it is shown");
    assert!(printed.contains(&format!("  step 5 of 5{}", shown.trim_end())), "{printed}");
}

#[test]
fn what_the_readme_shrinks_and_explains_comes_out_as_shown() {
    let (readme, folder) = (readme(), tempfile::tempdir().expect("a folder"));
    let blocks: Vec<&str> = readme.split("```").filter_map(|block| block.strip_prefix("text\n$ raddle ")).collect();
    let shown = |name: &str| {
        let block = blocks.iter().find(|block| block.starts_with(name)).expect("it is shown");
        block.split_once('\n').expect("a command and what it prints")
    };
    let (shrink, printed) = shown("shrink");
    let committed = shrink.split_whitespace().nth(1).expect("a finding");
    let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(committed)).expect("it is committed");
    fs::create_dir_all(folder.path().join(committed).parent().expect("it is in a folder")).expect("a folder");
    fs::write(folder.path().join(committed), text).expect("writes");
    let output = raddle(shrink, folder.path());
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stdout).expect("text").trim_end()),
        (Some(0), printed.trim_end())
    );
    let (explain, printed) = shown("explain");
    let output = String::from_utf8(raddle(explain, folder.path()).stdout).expect("text");
    assert!(output.trim_end().ends_with(printed.trim_end()), "{output}");
}

#[test]
fn what_the_readme_calls_clean_is_clean() {
    let folder = tempfile::tempdir().expect("a folder");
    for words in [
        "explore triangle --network fifo --seeds 1000",
        "explore triangle --network causal --set order=arrival --seeds 1000",
        "explore ring --seeds 1000",
        "explore ledger --strategy dpor --set messages=12",
        "run ring --on threads",
    ] {
        let output = raddle(words, folder.path());
        assert_eq!(output.status.code(), Some(0), "{words}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn cargo_run_means_this_command() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("a manifest");
    assert!(manifest.contains("default-run = \"raddle\""), "another binary of the workspace would make cargo ask");
}

#[test]
fn every_law_is_in_the_table() {
    let readme = readme();
    for law in raddle::checkers::LAWS {
        assert!(readme.contains(&format!("| `{}` |", law.name)), "the README says nothing of `{}`", law.name);
    }
}
