//! What xtask tells the person in front of it, on standard error.

use std::io::IsTerminal;

/// Announces a step.
pub fn step(text: impl std::fmt::Display) {
    if std::io::stderr().is_terminal() {
        eprintln!("\x1b[1m==> {text}\x1b[0m");
    } else {
        eprintln!("==> {text}");
    }
}

/// Adds a detail to the step above.
pub fn note(text: impl std::fmt::Display) {
    eprintln!("    {text}");
}
