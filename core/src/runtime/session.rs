//! Talking to processes in containers: exec, attach, logs.

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::RuntimeError;

/// Which standard streams are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stdio {
    /// Input is sent.
    pub stdin: bool,
    /// Output is read.
    pub stdout: bool,
    /// Error output is read; with a terminal it is part of the output.
    pub stderr: bool,
    /// A terminal is wanted.
    pub tty: bool,
}

/// A command to run in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecSpec {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its streams.
    pub stdio: Stdio,
}

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// What a process wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To its standard output.
    Stdout(Bytes),
    /// To its error output.
    Stderr(Bytes),
}

/// A connection to a process in a container. Dropping it closes the connection; the process lives on if it can.
pub struct ExecSession {
    /// Takes input, when it was asked for; dropping it is the end of the input.
    pub stdin: Option<mpsc::Sender<Bytes>>,
    /// What the process writes; ends when the process has closed its streams.
    pub output: BoxStream<'static, Result<Output, RuntimeError>>,
    /// Takes the terminal's size, when a terminal was asked for.
    pub resize: Option<mpsc::Sender<TerminalSize>>,
    /// The exit code, once the output has ended; for an attached process that lives on, zero.
    pub exit: BoxFuture<'static, Result<i32, RuntimeError>>,
}

/// Which part of a container's log is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Go on with what is written later.
    pub follow: bool,
    /// Only the last lines.
    pub tail: Option<u64>,
    /// Only what was written at or after this time.
    pub since: Option<Timestamp>,
}

/// One line of a log, or a piece of a very long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// When it was written.
    pub time: Timestamp,
    /// What was written, with its newline.
    pub output: Output,
}

/// A log, oldest first.
pub type LogStream = BoxStream<'static, Result<LogChunk, RuntimeError>>;
