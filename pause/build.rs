//! Builds the pause program with the compiler that builds this crate.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=program");
    let target = env::var("TARGET")?;
    let (arch, os) = (env::var("CARGO_CFG_TARGET_ARCH")?, env::var("CARGO_CFG_TARGET_OS")?);
    if os != "linux" || !["x86_64", "aarch64"].contains(&arch.as_str()) {
        return Err(
            format!("the pause program exists for Linux on x86_64 and aarch64, not for {target}").into()
        );
    }
    let output = PathBuf::from(env::var("OUT_DIR")?).join("pause");
    let mut rustc = Command::new(env::var("RUSTC")?);
    rustc.args(["program/pause.rs", "--crate-name=pause", "--crate-type=bin", "--edition=2024"]);
    rustc.arg(format!("--target={target}")).arg("-o").arg(&output);
    for option in
        ["panic=abort", "opt-level=s", "strip=symbols", "relocation-model=static", "overflow-checks=no"]
    {
        rustc.arg("-C").arg(option);
    }
    // No start files, no library, no notes, and text and data in one page: a kilobyte in all.
    let link = [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-Wl,--build-id=none",
        "-Wl,-z,norelro",
        "-Wl,-z,noseparate-code",
    ];
    rustc.args(link.map(|argument| format!("-Clink-arg={argument}")));
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg(format!("-Clinker={linker}"));
    }
    let status = rustc.status()?;
    if !status.success() {
        return Err(format!("the compiler ended with {status} on the pause program").into());
    }
    Ok(())
}
