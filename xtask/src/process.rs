//! Running programs: clear errors, and signals that reach them.
//!
//! Every program runs in a process group of its own, so that Ctrl-C reaches it exactly once, through xtask,
//! and xtask lives on to stop what it started.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::console::note;
use crate::deadline;

/// The process groups that receive the signals xtask receives.
static FOREGROUND: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
/// The last signal received, or zero.
static RECEIVED: AtomicU8 = AtomicU8::new(0);
/// How long a program that is no longer needed may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// Lines of a failed program's output that its error repeats.
const QUOTED_LINES: usize = 12;

/// From now on SIGINT, SIGTERM and SIGHUP go to the programs in the foreground instead of ending xtask.
pub fn forward_signals() -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("handling signals")?;
    thread::spawn(move || {
        for number in signals.forever() {
            RECEIVED.store(u8::try_from(number).unwrap_or(u8::MAX), Ordering::SeqCst);
            let signal = if number == SIGINT { Signal::INT } else { Signal::TERM };
            for &group in foreground().iter() {
                send(group, signal);
            }
        }
    });
    Ok(())
}

/// The signal that asked xtask to end, if one did.
pub fn interrupted() -> Option<u8> {
    Some(RECEIVED.load(Ordering::SeqCst)).filter(|&signal| signal != 0)
}

/// An error once xtask was asked to end; for loops that wait.
pub fn check_interrupted() -> anyhow::Result<()> {
    match interrupted() {
        Some(signal) => bail!("interrupted by signal {signal}"),
        None => Ok(()),
    }
}

/// A program in the foreground: it receives xtask's signals, and is stopped when this is dropped.
pub struct Foreground {
    child: Child,
    group: Pid,
}

impl Foreground {
    /// Starts `command` in a process group of its own, with nothing to read.
    pub fn start(command: &mut Command) -> anyhow::Result<Foreground> {
        check_interrupted()?;
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{}`", line(command)))?;
        let group = Pid::from_child(&child);
        foreground().push(group);
        Ok(Foreground { child, group })
    }

    /// The running child, for its pipes and its id.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits until the program has ended by itself or by a signal.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let status = self.child.wait().context("waiting for a program")?;
        foreground().retain(|&group| group != self.group);
        Ok(status)
    }

    /// The program's end, if it has already come.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let status = self.child.try_wait().context("waiting for a program")?;
        if status.is_some() {
            foreground().retain(|&group| group != self.group);
        }
        Ok(status)
    }

    /// Asks the program to end, and kills it when it does not.
    fn stop(&mut self) -> anyhow::Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        send(self.group, Signal::TERM);
        if deadline::wait_for(STOP_LIMIT, || self.ended())?.is_none() {
            note(format_args!("process group {} did not end within {STOP_LIMIT:?}; killing it", self.group));
            send(self.group, Signal::KILL);
            self.wait()?;
        }
        Ok(())
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            note(format_args!("could not stop process group {}: {error:#}", self.group));
        }
    }
}

/// Runs `command` to its end, its output going where xtask's goes. An error unless it succeeds.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = Foreground::start(command)?.wait()?;
    check_interrupted()?;
    if status.success() { Ok(()) } else { bail!("`{}` failed: {}", line(command), describe(status)) }
}

/// Runs `command` to its end and returns its standard output. An error, quoting the last lines that the
/// program wrote to its standard error, unless it succeeds.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    check_interrupted()?;
    let output = command
        .stdin(Stdio::null())
        .process_group(0)
        .output()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if output.status.success() {
        return String::from_utf8(output.stdout)
            .with_context(|| format!("`{}` did not print text", line(command)));
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let quoted = last_lines(&text, QUOTED_LINES);
    bail!("`{}` failed: {}\n{quoted}", line(command), describe(output.status))
}

/// Where `program` is: on the PATH, or in the folders for administrators that a user's PATH may lack.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// The last `count` lines of `text`.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Sends `signal` to a process group; one that has already ended needs none.
pub fn send(group: Pid, signal: Signal) {
    match kill_process_group(group, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => note(format_args!("could not signal process group {group}: {error}")),
    }
}

/// The exit code that a shell would report for `status`.
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(u8::MAX)
}

fn foreground() -> std::sync::MutexGuard<'static, Vec<Pid>> {
    // The list stays whole whatever a panicking thread did: each change is one call.
    FOREGROUND.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// The command as a person would type it.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_is_named_with_its_exit_code_and_last_words() {
        let error = output(Command::new("sh").args(["-c", "echo went wrong >&2; exit 3"])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("exit code 3") && text.contains("went wrong"), "{text}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program-of-bireme")).unwrap_err();
        assert!(error.to_string().contains("cannot start `no-such-program-of-bireme`"), "{error}");
    }

    #[test]
    fn a_program_in_the_foreground_is_stopped_with_its_guard() {
        let mut running = Foreground::start(Command::new("sleep").arg("600")).unwrap();
        let id = running.child().id();
        drop(running);
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }
}
