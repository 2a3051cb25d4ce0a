//! `raddle-bench real`, from its command line to its JSON: that everybody is measured and whoever cannot be is named. No
//! figure is asked for.

use std::fs;
use std::process::Command;

use serde_json::Value;

/// What the bench measures in next to no time, in an environment that is changed like this.
fn quick(change: impl FnOnce(&mut Command)) -> (Value, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("real.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_raddle-bench"));
    command.args(["real", "--quick", "--json"]).arg(&json);
    change(&mut command);
    let output = command.output().expect("it can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = fs::read_to_string(&json).expect("it is written");
    (serde_json::from_str(&report).expect("it is JSON"), String::from_utf8(output.stdout).expect("text"))
}

/// The contenders of all questions that were not measured.
fn not_measured(report: &Value) -> Vec<&str> {
    let answers = report["answers"].as_array().expect("the answers");
    let contenders = answers.iter().flat_map(|answer| answer["contenders"].as_array().expect("the contenders"));
    let missing = contenders.filter(|contender| !contender["not_measured"].is_null());
    missing.map(|contender| contender["name"].as_str().expect("a name")).collect()
}

#[test]
fn everybody_is_measured() {
    let (report, table) = quick(|_| ());
    let python = Command::new("python3").arg("-c").arg("").status().is_ok_and(|status| status.success());
    if python {
        assert_eq!(not_measured(&report), [""; 0]);
    }
    for name in ["raddle threads, sharded(1)", "raddle processes", "bare pipes", "kameo", "actix", "five of each"] {
        assert!(table.contains(name), "{name} is missing:\n{table}");
    }
    let ratio = &report["answers"][0]["comparisons"][0]["ratios"][1]["spread"]["median"];
    assert!(ratio.as_f64().is_some_and(|ratio| ratio > 0.0), "{ratio}");
    let work = &report["burden"]["lines"][2]["work"];
    assert!(work.as_f64().is_some_and(|work| (work - 6.0).abs() < 1e-6), "{work}");
}

#[test]
fn without_python_the_rest_is_measured() {
    let nothing = tempfile::tempdir().expect("a folder");
    let (report, table) = quick(|command| _ = command.env("PATH", nothing.path()));
    assert_eq!(not_measured(&report), ["the design in Python"; 2]);
    assert!(table.contains("the design in Python: not measured: no python3"), "{table}");
}
