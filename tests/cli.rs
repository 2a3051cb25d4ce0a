//! The command as it is used: every exit code, every bad input, and what is printed.

mod common;

use std::process::Stdio;

use common::{Done, Place};

fn here() -> Place {
    Place::new(env!("CARGO_BIN_EXE_raddle"))
}

const TRIANGLE: &str = "explore triangle --network fifo --set order=arrival";

/// A folder with one finding in it, and its path.
fn found() -> (Place, String) {
    let place = here();
    let done = place.run(TRIANGLE).ends(1);
    let path = done.says("saved").split_whitespace().next().expect("a path").to_owned();
    (place, path)
}

#[test]
fn a_clean_search_ends_with_0_and_says_how_much_it_saw() {
    let done = here().run("explore ring --seeds 100").ends(0).prints("clean: ring").prints("distinct");
    assert!(done.says("runs").starts_with("100 in "), "{}", done.out);
    assert!(done.says("laws").contains("bounded-depth"));
    here().run("explore triangle --network causal --set order=arrival --seeds 200").ends(0);
    here().run("explore triangle --network fifo --seeds 200").ends(0);
}

/// What a clean search means depends on what it searched.
#[test]
fn a_clean_search_says_under_which_settings_and_policies() {
    let place = here();
    let done = place.run("explore ring --seeds 10").ends(0);
    assert_eq!(done.says("settings"), "granularity delivery, network fifo, order causal");
    assert!(!done.out.contains("policies:"), "{}", done.out);
    let line = "explore ring --seeds 10 --network bag --set order=arrival capacity=9 pick=weighted(3,1)";
    let done = place.run(line).ends(0);
    assert_eq!(done.says("settings"), "granularity delivery, network bag, order arrival");
    assert_eq!(done.says("policies"), "pick weighted(3,1), capacity 9");
    // What a system sets itself counts too.
    assert!(place.run("explore twopc --seeds 10").ends(0).says("settings").ends_with("order arrival"));
    let names = shards(&place, line, 2).join(" ");
    let joined = place.run(&format!("merge {names}")).ends(0);
    assert_eq!(joined.says("settings"), done.says("settings"));
    assert_eq!(joined.says("policies"), done.says("policies"));
    let json = place.run(&format!("{line} --format json")).ends(0);
    assert_eq!(report_of(&json)["settings"]["order"], "arrival");
}

#[test]
fn an_exhaustive_search_says_that_it_is_complete() {
    let place = here();
    let done = place.run("explore ledger --strategy dpor --network bag --format json").ends(0);
    let report = done.out.lines().last().expect("a report");
    assert!(report.contains(r#""exhaustive":{"complete":true,"executions":"#), "{report}");
    assert!(report.contains(r#""blocked":0,"#), "{report}");
    place.run("explore ring --strategy dpor").ends(0).prints("exhaustive:").prints("all: ");
    let crashing =
        place.run("explore ring --strategy dpor --faults crash(1) --set messages=2 max_depth=4 --format json").ends(0);
    assert!(
        crashing.out.contains(r#""discarded":"#) && !crashing.out.contains(r#""discarded":0,"#),
        "{}",
        crashing.out
    );
    place.run("explore ring --strategy delay(1)").ends(0).prints("all with at most 1 delay, and no others: ");
    place.run("explore triangle --strategy dpor --network bag --set order=arrival").ends(1).prints("2 distinct traces");
    place.run("explore half --strategy states --laws fifo").ends(5).prints("`fifo` cannot be judged: ");
    place.run("explore slow --strategy dpor").ends(2);
    place.run("explore ring --checkpoint search.ron").ends(2);
    place.run("explore ring --strategy dpor --checkpoint-every 1s").ends(2).complains("--checkpoint <FILE>");
    place.run("replay triangle --seed 0 --strategy dpor").ends(2);
}

#[test]
fn a_violation_ends_with_1_and_is_told_whole() {
    let place = here();
    let done = place
        .run(TRIANGLE)
        .ends(1)
        .prints("violation: causal-order\n  C handled ")
        .prints("step   A                B                C\n")
        .prints("✗ too late")
        .prints("(commit it: it runs in every test from now on)");
    assert!(done.says("replay").starts_with("raddle replay seeds/triangle/causal-order-"));
    assert_eq!(done.err, "");
}

#[test]
fn ascii_and_no_colour_where_nobody_can_read_more() {
    let done = here().run_with(TRIANGLE, &[("LC_ALL", "C")]).ends(1).prints("+- m1 ---");
    assert!(done.out.is_ascii(), "{}", done.out);
}

#[test]
fn a_saved_finding_replays_event_for_event() {
    let (place, path) = found();
    let digest = |text: &str| text.split("digest ").nth(1).expect("a digest")[..16].to_owned();
    let first = place.run(TRIANGLE).ends(1);
    let again = place.run(&format!("replay {path}")).ends(1).prints("reproduced: causal-order");
    assert_eq!(digest(&first.out), digest(&again.out));
    assert_eq!(again.says("outcome"), "the same run, event for event");
    place.run(&format!("replay {path} --trace")).ends(1).prints("end: violation");
    place.run("corpus").ends(0).prints("ok       seeds/triangle/").prints("1 as expected");
    place.run("corpus seeds/triangle").ends(0);
}

#[test]
fn a_failing_run_is_shrunk_before_it_is_told() {
    let place = here();
    let line = "explore triangle --set messages=6 order=arrival";
    let done =
        place.run(line).ends(1).prints("shrunk from ").prints(" messages to 4 and 1 (minimal): needs 1 out-of-order");
    let done = done
        .prints("  decided: at step 3, by m3 to C: the odds to fail rise from ")
        .prints("critical: C handles m3 before");
    let path = done.says("saved").split_whitespace().next().expect("a path").to_owned();
    assert!(place.read(&path).contains("without: [\n    \"client#"), "{}", place.read(&path));
    place.run(&format!("replay {path}")).ends(1).prints("the same run, event for event").prints("(minimal): needs 1");
    place.run(&format!("replay {path} --no-shrink")).ends(2).complains("--no-shrink has no place here");
    let json = place.run(&format!("{line} --format json")).ends(1);
    let violation: serde_json::Value = serde_json::from_str(json.out.lines().next().expect("a line")).expect("JSON");
    assert_eq!(violation["shrunk"]["size"], "minimal");
    assert_eq!((&violation["decided"]["step"], &violation["decided"]["to"]["failed"]), (&3.into(), &1000.into()));
    assert_eq!(violation["critical"]["first"]["of"]["worker"], "C");
    assert_eq!(violation["shrunk"]["from_messages"], 6);
    assert_eq!(violation["without"].as_array().map(Vec::len), Some(5));
    let whole = place.run(&format!("{line} --no-shrink --no-save")).ends(1);
    assert!(!whole.out.contains("shrunk from"), "{}", whole.out);
    let replay = whole.says("replay");
    assert!(replay.contains(" --no-shrink --set "), "{replay}");
}

#[test]
fn a_finding_is_shrunk_where_it_is_or_elsewhere() {
    let place = here();
    let line = "explore triangle --set messages=6 order=arrival --no-shrink";
    let path = place.run(line).ends(1).says("saved").split_whitespace().next().expect("a path").to_owned();
    let before = place.read(&path);
    let done = place.run(&format!("shrink {path} -o small.ron")).ends(0).prints("violation: causal-order");
    assert!(done.out.contains("(minimal)") && done.says("saved").starts_with("small.ron"), "{}", done.out);
    assert_eq!(place.read(&path), before);
    place.run("replay small.ron --strict").ends(1);
    place.run("shrink small.ron").ends(0);
    assert_eq!(place.run("shrink small.ron").ends(0).out, place.run("shrink small.ron").ends(0).out);
    place.run(&format!("shrink {path} --time 0s -o cut.ron")).ends(0).prints("(cut short)");
    place.run("shrink nothing.ron").ends(2).complains("cannot read `nothing.ron`");
    place.run("shrink small.ron -o seeds/triangle").ends(2).complains("cannot write `seeds/triangle`");
    place.write("fixed.ron", &place.read("small.ron").replace("\"network\": \"fifo\"", "\"network\": \"causal\""));
    place
        .run("shrink fixed.ron")
        .ends(2)
        .complains("`fixed.ron`: the run broke causal-order/overtaken@C")
        .complains("nothing now");
    place.run("explain fixed.ron").ends(2).complains("`fixed.ron`: the run broke causal-order/overtaken@C");
    place.write("bad.ron", &place.read("small.ron").replace("\"client#1\",", "\"nobody#1\","));
    place.run("replay bad.ron").ends(2).complains("a message that is left out").complains("nobody#1");
}

/// The name that a search gave to what it found says which run it is; it does so afterwards.
#[test]
fn a_finding_that_is_shrunk_where_it_is_takes_its_new_name() {
    let place = here();
    let line = "explore triangle --set messages=6 order=arrival";
    let saved = |done: &Done| done.says("saved").split_whitespace().next().expect("a path").to_owned();
    let before = saved(&place.run(&format!("{line} --no-shrink")).ends(1));
    let done = place.run(&format!("shrink {before}")).ends(0);
    let after = saved(&done);
    assert_eq!(done.says("removed"), format!("{before}, which it replaces"));
    let digest = done.out.split("digest ").nth(1).expect("a digest")[..8].to_owned();
    assert_eq!(after, format!("seeds/triangle/causal-order-{digest}.ron"));
    place.run(&format!("replay {after} --strict")).ends(1);
    let there = || std::fs::read_dir(place.path().join("seeds/triangle")).expect("a folder").count();
    assert_eq!((place.path().join(&before).exists(), there()), (false, 1));
    let again = place.run(&format!("shrink {after}")).ends(0);
    assert!(saved(&again) == after && !again.out.contains("removed:"), "{}", again.out);
    assert_eq!((saved(&place.run(line).ends(1)), there()), (after.clone(), 1), "a search knows it by its name");

    // It is the one that is there already.
    assert_eq!(saved(&place.run(&format!("{line} --no-shrink")).ends(1)), before);
    assert_eq!((saved(&place.run(&format!("shrink {before}")).ends(0)), there()), (after.clone(), 1));
    // Whoever named it knows it by that.
    place.write("seeds/triangle/named.ron", &place.read(&after));
    assert_eq!(saved(&place.run("shrink seeds/triangle/named.ron").ends(0)), "seeds/triangle/named.ron");
}

#[test]
fn a_finding_is_explained() {
    let (place, path) = found();
    let done = place.run(&format!("explain {path}")).ends(0).prints("explained: causal-order").prints("m3 to C   ◀");
    assert!(done.says("critical").starts_with("C handles m3 before m1 (step 3)"), "{}", done.out);
    let ascii = place.run_with(&format!("explain {path}"), &[("LC_ALL", "C")]).ends(0);
    assert!(ascii.out.is_ascii() && ascii.out.contains("#########"), "{}", ascii.out);
    let json = place.run(&format!("explain {path} --format json")).ends(0);
    let line: serde_json::Value = serde_json::from_str(&json.out).expect("one line of JSON");
    assert_eq!((&line["type"], &line["v"], &line["jump"]), (&"explanation".into(), &1.into(), &3.into()));
    assert_eq!(
        (&line["critical"]["first"]["worker"], &line["critical"]["then"]["what"]),
        (&"C".into(), &"client#0.0".into())
    );
    assert_eq!(line["odds"].as_array().map(Vec::len), Some(5));
    place.run(&format!("view {path} --as jsonl -o trace.jsonl")).ends(0);
    place.run("explain trace.jsonl").ends(2).complains("is a trace");
    place.run("shrink trace.jsonl").ends(2).complains("is a trace");
}

#[test]
fn a_value_that_decides_is_told() {
    let place = here();
    let line = "explore twopc --bug early-decision --no-save";
    place.run(line).ends(1).prints("critical: p3, handling m3, chooses 1 and not 0 (step 4)");
    let json = place.run(&format!("{line} --format json")).ends(1);
    let violation: serde_json::Value = serde_json::from_str(json.out.lines().next().expect("a line")).expect("JSON");
    let critical = &violation["critical"];
    assert_eq!((&critical["by"]["worker"], &critical["by"]["input"]), (&"p3".into(), &"u#0.2".into()));
    assert_eq!((&critical["nth"], &critical["value"], &critical["not"]), (&1.into(), &1.into(), &0.into()));
}

/// Does a line as somebody would who pastes it into a shell.
fn paste(place: &Place, line: &str, variables: &[(&str, &str)]) -> Done {
    let path = std::env::join_paths([std::path::Path::new(env!("CARGO_BIN_EXE_raddle")).parent().expect("a folder")]);
    let clean = place.command([""; 0]);
    let mut shell = std::process::Command::new("/bin/sh");
    shell.current_dir(place.path()).env("LC_ALL", "C.UTF-8").env("PATH", path.expect("no colon"));
    shell.envs(clean.get_envs().filter_map(|(name, value)| Some((name, value?)))).envs(variables.iter().copied());
    Done::from(shell.args(["-c", line]).output().expect("a shell"))
}

/// It says what the environment has a say in and what is not the system's own, and that does the very run.
#[test]
fn a_printed_replay_line_does_the_same_run() {
    let place = here();
    for (line, replay) in [
        ("triangle --network fifo --set order=arrival", "triangle --seed 0 HOW --set order=arrival"),
        ("triangle --network bag --set order=arrival", "triangle --seed S HOW --network bag --set order=arrival"),
        (
            "triangle --strategy pctcp(3) --seeds 5..900 --set order=arrival messages=3",
            "triangle --seed S --strategy 'pctcp(3)' --steps-max 10000 --set messages=3 order=arrival",
        ),
        (
            "ring --bug early-token --set messages=5 pick=weighted(3,1)",
            "ring --bug early-token --seed S HOW --set messages=5 'pick=weighted(3,1)'",
        ),
        ("slow --bug stall-cycle --horizon 5s", "slow --bug stall-cycle --seed S HOW --horizon 5000000000ns"),
        ("retry --bug forget-timers", "retry --bug forget-timers --seed 4 --strategy portfolio --steps-max 600"),
        (
            "half --bug lose-silently --laws no-silent-loss",
            "half --bug lose-silently --seed S HOW --laws no-silent-loss",
        ),
        (
            "ledger --bug narrow-amount --steps-max 500",
            "ledger --bug narrow-amount --seed S --strategy portfolio --steps-max 500",
        ),
        ("ledger --bug narrow-amount --no-shrink", "ledger --bug narrow-amount --seed S HOW --no-shrink"),
    ] {
        let first = place.run(&format!("explore {line} --no-save")).ends(1);
        let seed = first.out.split("seed ").nth(1).expect("a seed").split(',').next().expect("it ends").to_owned();
        let replay = replay.replace("--seed S", &format!("--seed {seed}"));
        let replay = replay.replace("HOW", "--strategy portfolio --steps-max 10000");
        assert_eq!(first.says("replay"), format!("raddle replay {replay}"));
        let again = paste(&place, &first.says("replay"), &[]);
        same_run(&first, &again);
        assert_eq!(first.says("replay"), again.says("replay"));
    }
    let exhaustive = place.run("explore twopc --bug early-decision --strategy dpor --no-save").ends(1);
    let line = "raddle explore twopc --bug early-decision --strategy dpor --steps-max 10000";
    assert_eq!(exhaustive.says("replay"), line);
    assert!(!place.path().join("seeds").exists());
}

/// Whatever the environment says where it was printed, and where it is pasted.
#[test]
fn a_printed_replay_line_does_the_same_run_in_any_environment() {
    let place = here();
    let line = "explore triangle --set order=arrival --no-save";
    let environments = [&[][..], &[("RADDLE_STRATEGY", "uniform"), ("RADDLE_STEPS_MAX", "77")]];
    for (printed, pasted) in [(0, 1), (1, 0)].map(|(first, then)| (environments[first], environments[then])) {
        let first = place.run_with(line, printed).ends(1);
        same_run(&first, &paste(&place, &first.says("replay"), pasted));
    }
}

/// What both tell of a run is the same.
#[track_caller]
fn same_run(first: &Done, again: &Done) {
    let figure = |done: &Done| done.out.split("  found:").next().expect("a beginning").to_owned();
    assert_eq!((figure(first), Some(1)), (figure(again), again.code), "{}", again.err);
    assert!(figure(first).contains("digest "));
}

#[test]
fn names_that_are_wrong_are_helped() {
    let check = |line: &str, text: &str| {
        here().run(line).ends(2).complains("error: ").complains(text);
    };
    check("explore rnig", "there is no system `rnig`: did you mean `ring`? (there are ");
    check("list rnig", "did you mean `ring`?");
    check("run rnig --on threads", "did you mean `ring`?");
    check("replay rnig --seed 1", "did you mean `ring`?");
    check("explore ring --strategy randon", "there is no strategy `randon`: did you mean `random`?");
    check("explore ring --strategy pctpc(2)", "there is no strategy `pctpc(2)`: did you mean `pctcp(2)`?");
    check("explore ring --network fifi", "there is no network `fifi`: did you mean `fifo`?");
    check("explore ring --granularity queue", "did you mean `queues`?");
    check("explore ring --laws causal", "there is no law `causal`: did you mean `causal-order`?");
    check(
        "explore ring --bug freze-depth",
        "there is no planted bug of `ring` `freze-depth`: did you mean `freeze-depth`?",
    );
    check("explore ring --set mesages=5", "did you mean `messages`?");
    check("explore ring --set ordre=fifo", "did you mean `order`?");
}

#[test]
fn values_that_are_wrong_say_what_would_do() {
    let check = |line: &str, text: &str| {
        here().run(line).ends(2).complains("error: ").complains(text);
    };
    check("explore ring --seeds 9..3", "expected a range that rises, such as 3..9");
    check("explore ring --seeds many", "expected a count, such as 1000, or a range");
    check("explore ring --time soon", "expected a duration, such as 500ms, 30s or 5m");
    check("explore ring --steps-max 0", "0 is not in 1..");
    check("explore ring --strategy pct(0)", "`pct(0)` has no such depth: write `pct(D)`");
    check("explore ring --strategy pctcp(1000)", "from 1 to 16");
    check("explore ring --strategy random(2)", "`random(2)` takes no parameter: write `random`");
    check("explore ring --set order", "expected KEY=VALUE");
    check("explore ring --set order=random", "`order` cannot be `random`: expected arrival, fifo");
    check("explore ring --set messages=none", "`messages` cannot be `none`");
    check("explore ring --granularity queues --network bag", "would change nothing");
    check("explore ring --save there --no-save", "cannot be used with");
    check("replay ring", "needs its seed: `raddle replay ring --seed 42`");
    check("replay nothing.ron", "there is no file `nothing.ron`");
    check("check nothing.jsonl", "cannot read `nothing.jsonl`");
    check("corpus nowhere", "there is no folder `nowhere`");
    check("completions dos", "possible values: bash");
    check("explode ring", "unrecognized subcommand");
    here().run("").ends(2).complains("Usage: raddle");
}

#[test]
fn findings_that_are_wrong_name_the_file_and_the_next_step() {
    let (place, path) = found();
    let text = place.read(&path);
    let check = |changed: &str, says: &[&str]| {
        place.write("x.ron", changed);
        let done = place.run("replay x.ron").ends(2).complains("x.ron");
        says.iter().for_each(|says| assert!(done.err.contains(says), "no `{says}` in {}", done.err));
        assert_eq!(done.out, "");
    };
    check(&text[..text.len() / 2], &["is not a whole finding", "restore it from version control"]);
    check("", &["is empty"]);
    check("{\"type\":", &["is not a whole trace"]);
    check(&text.replace("version: 1", "version: 99"), &["version 99", "update raddle"]);
    check(
        &text.replace("system: \"triangle\"", "system: \"trinagle\""),
        &["did you mean `triangle`?", "the command that it was made with"],
    );
    check(&text.replace("seed:", "sede:"), &["sede"]);
    check(
        &text.replace("\"messages\": \"1\"", "\"messages\": \"-1\""),
        &["`messages` cannot be `-1`", "explore again"],
    );
    check(&text.replace("bug: None", "bug: Some(\"gremlin\")"), &["gremlin"]);
    check(&text.replace("\"order\": \"arrival\"", "\"order\": \"random\""), &["`order` cannot be `random`"]);
    check(&text.replace("\"client#0\"", "\"nobody#0\""), &["entry 1 of the schedule", "nobody#0"]);
    place.run(&format!("replay {path} --seed 3")).ends(2).complains("--seed has no place here");
}

#[test]
fn a_finding_that_fits_no_longer_goes_on_or_is_refused() {
    let (place, path) = found();
    let text = place.read(&path).replace("\"client#0.1.0\"", "\"client#0.7.0\"");
    place.write("seeds/triangle/edited.ron", &text);
    let lenient = place.run("replay seeds/triangle/edited.ron");
    assert!(
        lenient.says("misfit").starts_with("step 3 of its schedule, `client#0.7.0`, is not possible"),
        "{}",
        lenient.out
    );
    assert!([Some(0), Some(1)].contains(&lenient.code));
    place
        .run("replay seeds/triangle/edited.ron --strict")
        .ends(3)
        .prints("diverged: triangle\n  step 3 of its schedule, `client#0.7.0`");
    place.run(&format!("replay {path} --strict")).ends(1);
}

#[test]
fn an_expectation_that_does_not_hold_ends_the_corpus_with_1() {
    let (place, path) = found();
    let text = place.read(&path);
    place.write("seeds/triangle/fixed.ron", &text.replace("expectation: violation", "expectation: pass"));
    place
        .run("corpus")
        .ends(1)
        .prints("FAILED")
        .prints("should pass, and breaks causal-order/")
        .prints("1 not as expected");
    place.write("seeds/triangle/fixed.ron", &text.replace("system: \"triangle\"", "system: \"elsewhere\""));
    place.run("corpus").ends(0).prints("skipped").prints("no system `elsewhere` here");
    place.write("seeds/triangle/broken.ron", "nonsense");
    place.run("corpus").ends(2).prints("BROKEN");
}

#[test]
fn nothing_to_run_ends_with_4() {
    here().run("explore ring --seeds 0").ends(4).complains("nothing ran");
    here().run("explore ring --seeds 5..5").ends(4).complains("nothing ran");
    let place = here();
    place.write("seeds/readme", "no finding");
    place.run("corpus").ends(4).complains("nothing ran");
}

/// States are searched nearest first: whoever is stopped has seen many before any run has ended.
#[test]
fn states_are_searched_on_from_where_the_time_was_over() {
    let place = here();
    let search = "explore statefan --set n=8 order=arrival --strategy states --laws no-panic --checkpoint states.ron";
    let mut rounds = 1;
    let mut done = place.run(&format!("{search} --time 300ms"));
    while place.path().join("states.ron").exists() {
        assert!(done.out.contains("states known so far; ") && done.out.contains("`states.ron`"), "{}", done.out);
        rounds += 1;
        // To read what is left takes a part of it, and that grows.
        done = place.run(&format!("{search} --time {}s", 2 * rounds));
    }
    done.ends(0).prints("exhaustive:  all: 40,320 executions").prints("states:      109,601");
    assert!(rounds > 1, "it takes longer than that");
}

/// What a search counted and found, without how long it took, and without what only those say that went on from a checkpoint.
fn counted(done: &Done) -> serde_json::Value {
    let line = done.out.lines().last().expect("a report");
    let mut report: serde_json::Value = serde_json::from_str(line).expect("JSON");
    let is_counted = |key: &str| !key.starts_with("elapsed") && key != "coverage";
    report.as_object_mut().expect("an object").retain(|key, _| is_counted(key));
    report["exhaustive"].as_object_mut().expect("an object").remove("resumed").expect("all say it");
    report
}

/// Killed by a signal that nobody can handle, it has left what it wrote while it went on.
#[test]
fn a_search_that_was_killed_goes_on_from_its_last_checkpoint() {
    for (search, code) in [
        ("statefan --set n=8 order=arrival --strategy dfs --jobs 2", 0),
        ("ring --strategy dpor --faults crash(3) --set messages=2 max_depth=4 --jobs 2", 0),
        ("twopc --bug early-decision --set n=5 --strategy dpor", 1),
        ("readers --set n=9 --strategy dpor", 0),
    ] {
        let (place, search) = (here(), format!("explore {search} --format json --no-save"));
        let file = place.path().join("search.ron");
        let often = format!("{search} --checkpoint search.ron --checkpoint-every 1ms");
        let has_begun = || {
            let left = std::fs::read_to_string(&file).unwrap_or_default();
            left.split("executions:").skip(1).any(|count| !count.starts_with("0,"))
        };
        // Where it is over before anybody has seen it begin, it has to be seen another time.
        let was_killed = || {
            let mut child = place.command(often.split_whitespace()).stdout(Stdio::null()).spawn().expect("it runs");
            while !has_begun() {
                if child.try_wait().expect("it is there").is_some() {
                    return false;
                }
                std::thread::yield_now();
            }
            child.kill().expect("it is killed");
            child.wait().expect("it ended").code().is_none()
        };
        assert!((0..50).any(|_| was_killed()), "it is always over before: {search}");
        let resumed = place.run(&format!("{search} --checkpoint search.ron")).ends(code);
        assert_eq!(counted(&resumed), counted(&here().run(&search).ends(code)), "{search}");
        assert!(!file.exists(), "it is complete");
    }
}

/// Whoever relies on it is told at once, and what was written before is still there.
#[test]
#[cfg(target_os = "linux")]
fn a_checkpoint_that_cannot_be_written_ends_a_search() {
    let search = "explore statefan --set n=8 order=arrival --strategy dfs --checkpoint /proc/none/search.ron";
    let done = here().run(&format!("{search} --checkpoint-every 1ms")).ends(2);
    done.complains("cannot write the checkpoint `/proc/none/search.ron`: ");
}

#[test]
fn what_nobody_can_tell_ends_with_5() {
    here()
        .run("explore ring --steps-max 3 --seeds 10")
        .ends(5)
        .prints("unknown: ring")
        .prints("10 of 10 runs did not end");
    here().run("explore ring --time 200ms --seeds 1000000000").ends(5).prints("before the last seed");
    here().run("explore ring --time 1s").ends(0).prints("clean: ring");
    here().run("explore triangle --network causal --laws fifo --seeds 10 --strict").ends(0);
}

#[test]
fn a_folder_that_cannot_be_written_loses_nothing() {
    let place = here();
    place.write("file", "");
    let done = place.run(&format!("{TRIANGLE} --save file/below")).ends(2).complains("cannot write `file/below");
    assert!(done.out.contains("violation: causal-order") && done.says("replay").contains("--seed "), "{}", done.out);
    place.write("seeds", "not a folder");
    place.run(TRIANGLE).ends(1).prints("violation: causal-order").complains("cannot write `seeds/");
}

#[test]
fn where_findings_are_saved() {
    let saved = |line: &str, variables: &[(&str, &str)], folder: Option<&str>| {
        let place = here();
        let done = place.run_with(line, variables).ends(1);
        assert_eq!(done.out.contains("saved:"), folder.is_some(), "{line} {variables:?}");
        for name in ["seeds", "there"] {
            assert_eq!(place.path().join(name).exists(), folder == Some(name), "{name}: {line} {variables:?}");
        }
    };
    saved(TRIANGLE, &[], Some("seeds"));
    saved(TRIANGLE, &[("CI", "1")], None);
    saved(TRIANGLE, &[("RADDLE_SAVE", "there")], Some("there"));
    saved(&format!("{TRIANGLE} --no-save"), &[("RADDLE_SAVE", "there")], None);
    saved(&format!("{TRIANGLE} --save there"), &[("CI", "1")], Some("there"));
}

#[test]
fn flags_go_before_the_environment() {
    let runs = |line: &str, variables: &[(&str, &str)]| {
        let done = here().run_with(&format!("explore ring --format json {line}"), variables).ends(0);
        let report: serde_json::Value = serde_json::from_str(done.out.lines().last().expect("a report")).expect("JSON");
        (report["runs"].as_u64().expect("a number"), report["strategy"].as_str().expect("a word").to_owned())
    };
    assert_eq!(runs("", &[("RADDLE_SEEDS", "7")]), (7, "portfolio".to_owned()));
    assert_eq!(runs("--seeds 3 --strategy pct", &[("RADDLE_SEEDS", "7")]), (3, "pct(2)".to_owned()));
    assert_eq!(runs("", &[("RADDLE_SEED", "7")]).0, 1);
    assert_eq!(runs("", &[("RADDLE_STRATEGY", "default-order")]), (1, "default-order".to_owned()));
    assert_eq!(runs("--strategy random --seeds 2", &[("RADDLE_STRATEGY", "default-order")]), (2, "random".to_owned()));
    let bad = here().run_with("explore ring", &[("RADDLE_JOBS", "many")]).ends(2);
    assert_eq!(bad.err, "error: the variable RADDLE_JOBS cannot be `many`: expected a number\n");
}

#[test]
fn json_is_one_object_a_line_and_ends_with_the_report() {
    let done = here().run(&format!("{TRIANGLE} --format json --seeds 100")).ends(1);
    let lines: Vec<serde_json::Value> =
        done.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let report = lines.last().expect("a report");
    assert_eq!((&report["type"], &report["v"], &report["system"]), (&"report".into(), &1.into(), &"triangle".into()));
    for key in
        ["strategy", "runs", "steps", "deliveries", "elapsed_ms", "distinct", "sometimes", "faults", "exhaustive"]
    {
        assert!(report.get(key).is_some(), "{key}");
    }
    let violation = &report["violations"][0];
    assert_eq!(violation["checker"], "causal-order");
    for key in ["reason", "seed", "signature", "digest", "steps", "saved"] {
        assert!(!violation[key].is_null(), "{key}");
    }
    assert_eq!(lines[0]["type"], "violation");
    assert!(lines[0]["replay"].as_str().expect("a line").contains("--seed "));
}

#[test]
fn github_gets_an_annotation() {
    let done = here().run(&format!("{TRIANGLE} --format github")).ends(1);
    let line = done.out.lines().last().expect("an annotation");
    assert!(line.starts_with("::error file=seeds/triangle/causal-order-"), "{line}");
    assert!(
        line.contains(",title=triangle%3A causal-order::C handled ") && line.contains("%0Areplay: raddle replay"),
        "{line}"
    );
}

#[test]
fn list_shows_everything() {
    let place = here();
    let all = place.run("list").ends(0);
    for entry in raddle::systems::all() {
        assert!(all.out.contains(entry.about()), "{}", entry.name());
        let page = place.run(&format!("list {}", entry.name())).ends(0);
        let names = entry.params().iter().map(|param| &param.name).chain(entry.bugs().iter().map(|bug| &bug.name));
        names.for_each(|name| assert!(page.out.contains(name.as_str()), "{name}"));
        for (key, _, _) in raddle::Policies::KEYS {
            assert!(page.out.contains(key), "{key}");
        }
    }
    let json = place.run("list --format json").ends(0);
    let ring = json.out.lines().find(|line| line.contains("\"name\":\"ring\"")).expect("it is listed");
    let ring: serde_json::Value = serde_json::from_str(ring).expect("JSON");
    assert_eq!(ring["params"]["messages"], "4");
    assert!(ring["laws"].as_array().expect("a list").contains(&"bounded-depth".into()));
    assert!(ring["bugs"].as_array().expect("a list").contains(&"freeze-depth".into()));
}

#[test]
fn a_real_run_is_judged_recorded_and_shown() {
    let place = here();
    place.run("run ring --on threads --record ring.rec").ends(0).prints("clean: ring on threads");
    place.run("check ring.rec").ends(0).prints("ok         causal-order");
    place.run("check ring.rec --laws fifo,determinism").ends(5).prints("unknown    determinism");
    place.run("view ring.rec").ends(0).prints("end: quiescent");
    place.run("view ring.rec --as dot").ends(0).prints("digraph");
    place.run("view ring.rec --as flow").ends(0).prints("digraph");
    place.run("view ring.rec --as ron").ends(0).prints("events");
    place.run("view ring.rec --as jsonl -o ring.jsonl").ends(0);
    place.run("check ring.jsonl").ends(0).prints("ok         causal-order");
    let check = |file: &str| place.run(&format!("check {file} --laws no-silent-loss,fifo")).ends(0).out;
    assert_eq!(check("ring.rec"), check("ring.jsonl"), "whether or not its events are kept");
    place.run("view ring.jsonl --as jsonl -o copy.jsonl").ends(0);
    assert_eq!(place.read("copy.jsonl"), place.read("ring.jsonl"));
    place.run("replay ring.rec").ends(0).prints("the same run, event for event");
    place.run("replay ring.rec --trace").ends(0).prints("end: quiescent");
    place.run("explain ring.rec").ends(2).complains("breaks no law");
    place.run("shrink ring.rec").ends(2).complains("breaks no law");
    place.run("run ring --on threads --messages 40").ends(0).prints("40 from outside");
    place.run("run ring --on threads --for 50ms").ends(0).prints("clean: ring on threads");
    let done = place.run("run ring --on threads --threads 1").ends(0);
    assert!(done.says("latency").starts_with("messages "), "{}", done.out);
    assert!(done.says("longest queues").contains(" message"), "{}", done.out);
    place.run("run half --on threads --bug lose-silently").ends(1).prints("violation: no-silent-loss");
    let endless = place.run("run ring --on threads --bug freeze-depth").ends(1).prints("violation: bounded-depth");
    assert!(endless.says("losses").contains("depth-refused 4"), "all chains end: {}", endless.out);
    let (place, path) = found();
    place.run(&format!("view {path} --as lanes")).ends(0).prints("client#0.1.0");
    place.run(&format!("check {path}")).ends(1).prints("violation  causal-order");
}

/// What nobody judged is not called clean, and its recording can be judged all the same.
#[test]
fn a_run_that_nobody_is_to_judge_says_so() {
    let place = here();
    let done = place.run("run half --on threads --bug lose-silently --unjudged").ends(0);
    assert!(done.out.starts_with("unjudged: half on threads\n"), "{}", done.out);
    assert!(done.says("laws").starts_with("not asked, and nothing was kept"), "{}", done.out);
    assert!(!done.out.contains("digest:"), "{}", done.out);
    let done = place.run("run half --on threads --bug lose-silently --unjudged --record half.rec").ends(0);
    assert_eq!(done.says("laws"), "not asked; `raddle check half.rec` judges the run");
    assert!(done.says("recording").starts_with("half.rec, "), "{}", done.out);
    place.run("check half.rec").ends(1).prints("violation  no-silent-loss");
    place.run("run ring --on threads --unjudged --record ring.rec --set messages=20").ends(0);
    place.run("check ring.rec").ends(0).prints("ok         causal-order");
    place.run("run ring --on threads --unjudged --laws fifo").ends(2).complains("cannot be used with");
    let line = "run ring --on threads --for 20ms --messages 300 --unjudged";
    assert!(place.run(line).ends(0).says("messages").starts_with("300 from outside"));
    place
        .run("run ring --on threads --unjudged --record /dev/full")
        .ends(2)
        .prints("unjudged: ")
        .complains("/dev/full");
}

/// Of a long run the events before the first breach are kept, and no others: all laws are judged as without them.
#[test]
fn a_long_run_that_breaks_a_law_is_judged_by_its_beginning() {
    let place = here();
    place.run("run fanout --bug handle-twice --on threads --messages 3000 --record twice.rec").ends(1);
    let table = |done: &Done| {
        let rows = done.out.lines().take_while(|line| !line.is_empty());
        // What is handled twice could hide a loss, as far as counts tell.
        let rows = rows.filter(|row| !row.contains("  no-silent-loss")).map(|row| row.split_whitespace().take(2));
        rows.flatten().map(str::to_owned).collect::<Vec<_>>()
    };
    let whole = place.run("check twice.rec").ends(1).prints("ok         no-silent-loss");
    let early = place.run("check twice.rec --events 20000").ends(1).prints("unknown    no-silent-loss");
    let none = place.run("check twice.rec --events 1").ends(1);
    assert_eq!((table(&early), table(&none)), (table(&whole), table(&whole)));
    // What led to the breach is the same, and so is its picture.
    let figure = |done: &Done| done.out.split("violation: ").nth(1).map(str::to_owned);
    assert_eq!(figure(&early), figure(&whole));
    assert!(figure(&early).is_some_and(|text| text.contains("no-duplicates") && text.contains('●')), "{}", early.out);
    assert!(none.says("picture").starts_with("none, as more than 1 event came before"), "{}", none.out);
    place.run("run half --bug lose-silently --on threads --messages 3000 --record half.rec").ends(1);
    let end = place.run("check half.rec --events 1000").ends(1).prints("violation: no-silent-loss");
    assert!(end.says("picture").starts_with("none, as more than 1,000 events came before"), "{}", end.out);
    let told = place.run("replay half.rec --events 1000").ends(1).prints("reproduced: no-silent-loss");
    assert!(told.says("picture").starts_with("none: it has "), "{}", told.out);
    for task in ["shrink", "explain"] {
        let refused = place.run(&format!("{task} half.rec --events 1000")).ends(2);
        refused.complains("no more than 1,000 are kept: record a shorter run, or keep more with `--events`");
    }
    place.run("check twice.rec --laws no-duplicates,determinism --events 5").ends(1).prints("run twice and compare");
}

/// Its messages are not spread over its time, and there is no end to them.
#[test]
#[cfg(unix)]
fn a_timed_run_that_nobody_is_to_judge_sends_what_is_taken() {
    let place = here();
    let line = "run pairs --on threads --for 60s --unjudged --metrics metrics.jsonl";
    let mut command = place.command(line.split_whitespace());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let file = place.path().join("metrics.jsonl");
    let sent = || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let last = text.lines().last().and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        last.and_then(|last| last["fed"].as_u64()).unwrap_or(0)
    };
    while sent() <= 250_000 {
        assert!(child.try_wait().expect("it is there").is_none(), "it ended before it had sent so many");
        std::thread::yield_now();
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("there is kill").success());
    let done = common::Done::from(child.wait_with_output().expect("it ends")).ends(130);
    assert!(done.out.starts_with("interrupted: pairs on threads\n"), "{}", done.out);
    assert!(done.says("laws").starts_with("not asked"), "{}", done.out);
}

#[test]
#[cfg(unix)]
fn on_processes_nobody_need_judge_either() {
    let place = here();
    let line =
        "run ring --on processes --unjudged --for 300ms --messages 4000000000 --kill-every 20ms --record deaths.rec";
    let done = place.run(line).ends(0).prints("unjudged: ring on processes");
    assert!(done.says("deaths").contains(" killed as asked for"), "{}", done.out);
    place.run("check deaths.rec").ends(0).prints("ok         incarnation");
}

/// A bug on real threads becomes a finding: lifted, explained, shrunk, saved, and replayed like any other.
#[test]
fn a_bug_on_threads_is_lifted_and_shrunk() {
    let place = here();
    place
        .run("run half --on threads --bug lose-silently --record half.rec")
        .ends(1)
        .prints("violation: no-silent-loss");
    place.run("check half.rec").ends(1).prints("violation  no-silent-loss");
    place.run("replay half.rec").ends(1).prints("reproduced: no-silent-loss");
    place.run("explain half.rec").ends(0).prints("explained: no-silent-loss");
    let done = place.run("shrink half.rec").ends(0).prints("violation: no-silent-loss");
    let saved = done.says("replay").trim_start_matches("raddle replay ").to_owned();
    place.run(&format!("replay {saved}")).ends(1).prints("the same run, event for event");
}

/// Of a long run not all can be found out; what is not known is told, and nothing is guessed.
#[test]
fn a_long_run_is_explained_as_far_as_time_allows() {
    let place = here();
    place.run("run half --on threads --bug lose-silently --messages 3000 --record half.rec").ends(1);
    let done = place.run("explain half.rec --time 0s").ends(0).prints("explained: no-silent-loss");
    for word in ["decided", "critical"] {
        assert!(done.says(word).starts_with("not known: time was over; allow more with `--time`"), "{}", done.out);
    }
    assert!(!done.out.contains("left to chance"), "{}", done.out);
    let json = place.run("explain half.rec --time 0s --format json").ends(0);
    let line: serde_json::Value = serde_json::from_str(&json.out).expect("one line of JSON");
    assert_eq!(
        (&line["jump"], &line["critical"], &line["odds"]),
        (&None::<u64>.into(), &None::<u64>.into(), &[0; 0].into())
    );
    assert!(
        ["undecided", "unpaired"].iter().all(|key| line[key].as_str().is_some_and(|why| why.contains("time was over")))
    );
}

/// Where handlers ran is no part of a recording.
#[test]
#[cfg(unix)]
fn runs_on_processes_are_lifted_too() {
    let place = here();
    for entry in raddle::systems::all() {
        let (name, file) = (entry.name(), format!("{}.rec", entry.name()));
        // So many workers, each a process, are no better a test.
        if name != "indexer" {
            place.run(&format!("run {name} --on processes --record {file}")).ends(0);
            place.run(&format!("replay {file}")).ends(0).prints("the same run, event for event");
        }
    }
    place.run("run half --on processes --bug lose-silently --record lost.rec").ends(1);
    place.run("replay lost.rec").ends(1).prints("reproduced: no-silent-loss");
    place
        .run("run ring --on processes --set restart=always --for 400ms --kill-every 20ms --record deaths.rec")
        .ends(0)
        .prints("crash(killed)");
    place.run("replay deaths.rec").ends(0).prints("the same run, event for event");
    place.run("check deaths.rec").ends(0).prints("ok         incarnation");
}

#[test]
fn recordings_that_are_wrong_say_why() {
    let place = here();
    place.run("run ring --on threads --messages 50 --record ring.rec").ends(0);
    place.run("run ring --on threads --record ring.rec").ends(2).complains("ring.rec");
    place
        .run("run ring --on threads --record /dev/full")
        .ends(2)
        .prints("clean: ring on threads")
        .complains("/dev/full");
    place
        .run("run ring --on threads --messages 5000 --record short.rec --record-max 60000")
        .ends(0)
        .prints("beginning");
    place.run("replay short.rec").ends(5).prints("as far as it was recorded");
    place.run("view short.rec --events 20").ends(0);
    let check =
        place.run("check short.rec").ends(5).prints("only the beginning of the run is there: there was no room");
    assert!(!check.out.contains("ok "), "{}", check.out);
    check
        .prints("unknown    causal-order        not broken as far as")
        .prints("unknown    no-silent-loss      nothing can be known without the end");

    let whole = std::fs::read(place.path().join("ring.rec")).expect("it was recorded");
    std::fs::write(place.path().join("cut.rec"), &whole[..whole.len() * 2 / 3]).expect("writes");
    place.run("replay cut.rec").ends(5).prints("as far as it was recorded");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 16;
    std::fs::write(place.path().join("flipped.rec"), flipped).expect("writes");
    let done = place.run("replay flipped.rec");
    assert!(matches!(done.code, Some(2 | 5)), "{:?} {} {}", done.code, done.out, done.err);
    std::fs::write(place.path().join("other.rec"), b"rubbish").expect("writes");
    place.run("replay other.rec").ends(2).complains("other.rec");
    place
        .run("replay ring.rec --seed 3")
        .ends(2)
        .complains("--seed has no place here: a recording has all its settings");
}

/// A handler that reads the clock says something else each time.
#[test]
fn a_run_writes_its_metrics() {
    let place = here();
    for on in ["threads", "processes"] {
        place.run(&format!("run ring --on {on} --messages 40 --metrics metrics.jsonl")).ends(0);
        let text = std::fs::read_to_string(place.path().join("metrics.jsonl")).expect("written");
        let last: serde_json::Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
        let number = |at: &str| last.pointer(at).and_then(serde_json::Value::as_u64).unwrap_or_else(|| panic!("{at}"));
        assert_eq!((last["type"].as_str(), number("/v"), number("/fed")), (Some("metrics"), 1, 40));
        let handled: u64 = ["A", "B", "C"]
            .iter()
            .flat_map(|worker| ["externals", "updates"].map(|kind| format!("/latency/{worker}/{kind}/count")))
            .map(|at| number(&at))
            .sum();
        assert_eq!(handled, number("/handled"), "no starts and no timers: all of them waited\n{text}");
        assert!(number("/latency/B/updates/p50_ns") <= number("/latency/B/updates/max_ns"));
        for worker in ["A", "B", "C"] {
            let marks = ["high_water", "external_high_water"].map(|queue| number(&format!("/{queue}/{worker}")));
            assert!(marks.iter().all(|most| (1..=40).contains(most)), "{text}");
        }
    }
    let line = "run ring --on threads --metrics no/such/folder/metrics.jsonl";
    place.run(line).ends(2).complains("cannot write metrics to `no/such/folder/metrics.jsonl`");
}

/// Nobody reads the pipe: whoever opened it would wait for ever.
#[test]
#[cfg(unix)]
fn what_may_never_take_anything_is_refused_at_once() {
    let place = here();
    nix::unistd::mkfifo(&place.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let _socket = std::os::unix::net::UnixListener::bind(place.path().join("socket")).expect("a socket");
    std::fs::create_dir(place.path().join("folder")).expect("a folder");
    for path in ["pipe", "socket", "folder"] {
        place
            .run(&format!("run ring --on threads --metrics {path}"))
            .ends(2)
            .complains(&format!("cannot write metrics to `{path}`: it is no file"));
    }
    place.run("run ring --on threads --metrics /dev/null").ends(0);
}

#[test]
#[cfg(target_os = "linux")]
fn metrics_that_cannot_be_written_are_told() {
    let place = here();
    place
        .run("run ring --on threads --metrics /dev/full")
        .ends(2)
        .prints("clean: ring on threads")
        .complains("cannot write metrics to `/dev/full`");
    let line = "run ring --on threads --for 1h --messages 4000000000 --laws no-panic --metrics metrics.jsonl";
    let mut command = place.command(line.split_whitespace());
    let mut first = command.stdout(Stdio::null()).spawn().expect("it runs");
    while !place.path().join("metrics.jsonl").metadata().is_ok_and(|file| file.len() > 0) {
        std::thread::yield_now();
    }
    place
        .run("run ring --on threads --metrics metrics.jsonl")
        .ends(2)
        .complains("another run writes its metrics to `metrics.jsonl`");
    first.kill().expect("it lives");
    first.wait().expect("it is dead");
    assert!(place.read("metrics.jsonl").starts_with("{\"type\":\"metrics\""));
    place.run("run ring --on threads --messages 40 --metrics metrics.jsonl").ends(0);
    assert_eq!(place.read("metrics.jsonl").lines().count(), 1, "what stood there before is gone");
}

#[test]
fn a_run_that_is_no_function_of_its_inputs_is_told_apart() {
    let place = here();
    place.run("run half --on threads --bug real-clock --record half.rec");
    place.run("replay half.rec").ends(3).prints("diverged: half");
}

#[test]
fn experiments_answer_their_questions() {
    let place = here();
    place
        .run("experiment latency --on sim -o tables")
        .ends(0)
        .prints("coordinator     8         32")
        .prints("8 hops take 8.0 times as long as one");
    let json: serde_json::Value = serde_json::from_str(&place.read("tables/latency-sim.json")).expect("JSON");
    assert_eq!((&json["on"], &json["rows"][0][1]), (&"sim".into(), &1.into()));
    place.run("experiment throughput --on threads").ends(0).prints("five of each").prints("the extra work explains");
    place
        .run("experiment backpressure --on threads")
        .ends(0)
        .prints("Beside a slow worker, an update to the fast one takes");
    place.run("experiment all --on nothing").ends(2);
}

#[test]
#[cfg(unix)]
fn experiments_run_on_processes_too() {
    here().run("experiment latency --on processes").ends(0).prints("by way of a coordinator");
    here().run("experiment backpressure --on processes").ends(0).prints("drop-oldest");
}

#[test]
fn completions_know_the_systems() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        here().run(&format!("completions {shell}")).ends(0).prints("explore");
    }
    here().run("completions bash").ends(0).prints("triangle");
}

#[test]
fn help_names_the_exit_codes_and_the_environment() {
    let help = here().run("--help").ends(0);
    ["130", "70", "replay diverged"].iter().for_each(|text| assert!(help.out.contains(text), "{}", help.out));
    let help = here().run("explore --help").ends(0);
    for variable in raddle::environment::TABLE {
        assert!(help.out.contains(variable.name), "{}", variable.name);
    }
    here().run("--version").ends(0).prints(env!("CARGO_PKG_VERSION"));
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_with_130_and_the_report_so_far() {
    let place = here();
    for line in
        ["explore ring --seeds 1000000000", "run ring --on threads --for 1h --messages 4000000000 --laws no-panic"]
    {
        let mut command = place.command(line.split_whitespace());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let status = format!("/proc/{}/status", child.id());
        // SIGINT is the second signal: its bit is set once there is a handler for it.
        let catches = |text: String| {
            let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:"))?.trim().to_owned();
            u64::from_str_radix(&mask, 16).ok().filter(|mask| mask & 2 != 0)
        };
        while std::fs::read_to_string(&status).ok().and_then(catches).is_none() {
            std::thread::yield_now();
        }
        let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(kill.expect("there is kill").success());
        let done = common::Done::from(child.wait_with_output().expect("it ends"));
        done.ends(130).prints("interrupted: ring");
    }
}

/// The report of a search, without what tells the time and what only the report of a shard or of several has.
fn report_of(done: &common::Done) -> serde_json::Value {
    let mut report: serde_json::Value = serde_json::from_str(done.out.lines().last().expect("a report")).expect("JSON");
    let map = report.as_object_mut().expect("an object");
    ["elapsed_ms", "shard", "shards", "missing"].into_iter().for_each(|key| _ = map.remove(key));
    report
}

/// Explores in shards, a file each.
fn shards(place: &Place, line: &str, of: u64) -> Vec<String> {
    let report = |index: u64| {
        let done = place.run(&format!("{line} --format json --shard {index}/{of}"));
        let name = format!("{of}-{index}.json");
        place.write(&name, &done.out);
        name
    };
    (1..=of).map(report).collect()
}

#[test]
fn shards_joined_are_the_whole_search() {
    for (line, exit) in [
        ("explore ring --seeds 300 --no-save", 0),
        ("explore twopc --seeds 100..500 --no-save --set n=4", 0),
        ("explore ledger --bug narrow-amount --no-save", 1),
        ("explore ring --bug early-token --no-save --seeds 64", 1),
        ("explore chain --seeds 20 --no-save --steps-max 3", 5),
        ("explore ring --strategy default-order --no-save", 0),
        ("explore ring --strategy pctcp(3) --seeds 50 --no-save", 0),
        ("explore ring --strategy random --seeds 50 --no-save", 0),
    ] {
        let place = here();
        let whole = place.run(&format!("{line} --format json")).ends(exit);
        for of in [1, 3, 7] {
            let names = shards(&place, line, of).join(" ");
            let joined = place.run(&format!("merge --format json {names}")).ends(exit);
            assert_eq!(report_of(&joined), report_of(&whole), "{line}, {of} shards");
            assert_eq!(joined.out.lines().count(), whole.out.lines().count());
            place.run(&format!("merge {names}")).ends(exit).prints(&format!("{of} of {of}"));
        }
    }
}

#[test]
fn more_shards_than_seeds_leave_some_with_nothing_to_do() {
    let place = here();
    place.run("explore ring --seeds 2 --shard 1/4").ends(4).prints("this shard has no seed");
    let names = shards(&place, "explore ring --seeds 2", 4).join(" ");
    let joined = place.run(&format!("merge --format json {names}")).ends(0);
    assert_eq!(report_of(&joined), report_of(&place.run("explore ring --seeds 2 --format json")));
}

#[test]
fn missing_shards_leave_a_clean_end_unknown_and_a_violation_certain() {
    let place = here();
    let clean = shards(&place, "explore ring --seeds 100", 3);
    place.run(&format!("merge {} {}", clean[2], clean[0])).ends(5).prints("missing: 2/3");
    let failing = shards(&place, "explore ledger --bug narrow-amount --no-save --seeds 3000", 2);
    place
        .run(&format!("merge {}", failing[1]))
        .ends(1)
        .prints("violation: conserved")
        .prints("missing: 1/2: a lower seed may fail there");
    place.run(&format!("merge {}", failing[0])).ends(1).prints("missing: 2/2, whose seeds are higher");
}

#[test]
fn a_shard_that_ended_early_leaves_a_clean_end_unknown() {
    let place = here();
    let names = shards(&place, "explore ring --seeds 100", 2);
    let text = place.read(&names[1]);
    for (cut, says) in [("time", "time was over before the last seed"), ("stopped", "a shard was stopped")] {
        place.write(&names[1], &text.replace("\"cut\":null", &format!("\"cut\":\"{cut}\"")));
        place.run(&format!("merge {}", names.join(" "))).ends(5).prints("unknown: ring").prints(says);
    }
    let names = shards(&place, "explore ring --seeds 20 --set messages=1", 2).join(" ");
    place.run(&format!("merge {names}")).ends(0);
    let names = shards(&place, "explore chain --seeds 20 --set messages=1", 2).join(" ");
    place.run(&format!("merge --strict {names}")).ends(5).prints("never reached:");
}

#[test]
fn what_cannot_be_joined_is_refused() {
    let place = here();
    let first = shards(&place, "explore ring --seeds 10", 2).remove(0);
    let text = place.read(&first);
    let other = |line: &str| place.write("other.json", &place.run(&format!("{line} --format json")).out);
    let refused = |says: &str| {
        place.run(&format!("merge {first} other.json")).ends(2).complains(says);
    };
    other("explore chain --seeds 10 --shard 2/2");
    refused("`other.json` are no shards of one search: the system is ring and chain");
    other("explore ring --seeds 10 --shard 2/2 --strategy default-order");
    refused("the strategy is portfolio and default-order");
    other("explore ring --seeds 10 --shard 2/2 --network bag");
    refused("`network` is fifo and bag");
    other("explore ring --seeds 10 --shard 2/2 --set messages=5");
    refused("`messages` is 4 and 5");
    other("explore ring --seeds 10 --shard 2/2 --set order=arrival");
    refused("`order` is causal and arrival");
    other("explore ring --seeds 11 --shard 2/2");
    refused("the range of seeds is 0..10 and 0..11");
    other("explore ring --seeds 10 --shard 2/3");
    refused("the number of shards is 2 and 3");
    let second = place.run("explore ring --seeds 10 --shard 2/2 --format json").out;
    place.write("other.json", &second.replace("\"chains\":", "\"chains\":1"));
    refused("the pilot is");
    place.write("other.json", &second.replace("\"portfolio\"", "\"ptc\""));
    refused("`other.json` cannot be joined: `ptc` is no strategy");
    other("explore ring --seeds 10 --shard 1/2");
    refused("are both shard 1/2: give each once");
    other("explore ring --seeds 10");
    refused("is the report of a whole search");
    place.write("other.json", &text[..text.len() / 2]);
    refused("was cut off");
    place.write("other.json", "");
    refused("is empty");
    place.write("other.json", &text.replace("\"traces\":\"", "\"traces\":\"zz "));
    refused("`zz` is no trace and its count");
    place.run("merge nowhere.json").ends(2).complains("cannot read `nowhere.json`");
    place.run("merge").ends(2);
    place.run("explore ring --shard 0/2").ends(2).complains("from 1/4 to 4/4");
    place.run("explore fanin --strategy dpor --shard 1/2").ends(2).complains("an exhaustive search has no shards");
}

#[test]
fn a_clean_search_says_what_it_covered_and_what_it_is_worth() {
    let done = here().run("explore twopc --set n=2 --seeds 200 --strategy random").ends(0);
    assert_eq!(done.says("worth"), "random has no polynomial bound: its runs exclude bugs of no depth");
    assert_eq!(done.says("traces"), "8 distinct, which is all there are (counted by dpor)");
    let done = done.prints("  worker  state     handled\n").prints("  c       fresh     external 200, no ");
    assert!(!done.out.contains("other"), "{}", done.out);
    let done = here().run("explore twopc --set n=2 --seeds 200 --strategy random --format json").ends(0);
    let report = report_of(&done);
    let fresh = report["coverage"].as_array().expect("a list").iter().find(|row| row["input"] == "external");
    assert_eq!(fresh.expect("it is told")["times"], 200);
    assert_eq!((&report["worth"][0]["depth"], &report["pilot"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!(report_of(&here().run("explore ring --seeds 2 --format json"))["coverage"], serde_json::json!([]));
}

#[test]
fn an_exhaustive_search_says_what_it_covered() {
    let line = "explore twopc --set n=2 --strategy dpor";
    // Each of the 8 traces once: 4 ways to vote, in 2 orders.
    here().run(line).ends(0).prints("  c       fresh     external 8, no 4, yes 4");
    let report = report_of(&here().run(&format!("{line} --format json")).ends(0));
    let times: Vec<u64> =
        report["coverage"].as_array().expect("a list").iter().filter_map(|row| row["times"].as_u64()).collect();
    assert_eq!((times.iter().sum::<u64>(), &report["exhaustive"]["resumed"]), (8 * 7, &serde_json::json!(false)));
}

#[test]
fn shards_are_covered_as_the_whole_is() {
    let place = here();
    let line = "explore ledger --seeds 400 --format json";
    let whole = report_of(&place.run(line).ends(0));
    for shard in 1..=3 {
        let done = place.run(&format!("{line} --shard {shard}/3")).ends(0);
        place.write(&format!("{shard}.json"), &done.out);
    }
    let merged = report_of(&place.run("merge 1.json 2.json 3.json --format json").ends(0));
    assert!(merged["coverage"].as_array().is_some_and(|rows| rows.iter().any(|row| row["state"] == "above-twice")));
    assert_eq!(merged["coverage"], whole["coverage"]);
}

#[test]
fn a_clean_search_says_which_depths_of_bugs_would_have_shown() {
    let line = "explore twopc --set n=2 --seeds 320";
    let shown = here().run(line).ends(0).says("worth");
    let report = report_of(&here().run(&format!("{line} --format json")).ends(0));
    let worth = report["worth"].as_array().expect("a list");
    let says = worth[0]["says"].as_str().expect("a sentence");
    assert!(says.starts_with(&shown), "{says} and {shown}");
    assert!(says.starts_with("a bug of depth 1 would have shown with at least 99.9"), "{says}");
    assert!(says.ends_with("for runs no longer and no wider than the pilot's"), "{says}");
    let probability = |worth: &serde_json::Value| worth["probability"].as_f64().expect("a number");
    let depths: Vec<u64> = worth.iter().filter_map(|worth| worth["depth"].as_u64()).collect();
    assert_eq!(depths, [1, 2, 3, 4, 5]);
    assert!(worth.windows(2).all(|pair| probability(&pair[0]) >= probability(&pair[1])), "{worth:?}");
    assert!(worth.iter().all(|worth| worth["says"] == says), "{worth:?}");
    assert!(report["pilot"]["chains"].as_u64() > Some(0), "{report}");
    let found = here().run("explore ring --bug early-token --no-save --format json").ends(1);
    assert_eq!(report_of(&found)["worth"], serde_json::json!([]));
}
