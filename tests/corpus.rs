//! Every committed finding is a test: it does again what is expected of it.

use std::path::Path;

use libtest_mimic::{Arguments, Failed, Trial};
use raddle::corpus::{Fate, findings_below, judge};

fn main() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = crate_folder.join("seeds");
    let trial = |path: std::path::PathBuf| {
        let name = path.strip_prefix(crate_folder).unwrap_or(&path).display().to_string();
        Trial::test(name, move || match judge(&raddle::systems::all(), &path) {
            (Fate::Holds, _) => Ok(()),
            (_, says) => Err(Failed::from(says)),
        })
    };
    let trials = findings_below(&folder).into_iter().map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
