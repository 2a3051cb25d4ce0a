//! Makes `--cfg madsim` known to the compiler.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(madsim)");
    println!("cargo::rerun-if-changed=build.rs");
}
