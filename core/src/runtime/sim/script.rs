//! What simulated images, containers and commands do.

use std::time::Duration;

use crate::runtime::{ContainerSpec, ContainerStatus, RuntimeError};

/// A call that a simulated engine can be told to delay or to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SimOperation {
    /// Running a sandbox; the subject is the pod's name.
    RunSandbox,
    /// Pulling an image; the subject is its reference.
    PullImage,
    /// Creating a container; the subject is its image.
    CreateContainer,
    /// Starting a container; the subject is its image.
    StartContainer,
    /// Running a further command; the subject is the container's image.
    Exec,
}

/// What a simulated process does from its start to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimProcess {
    /// What it writes to its standard output at its start, line by line.
    pub output: Vec<String>,
    /// How long it runs by itself; `None` is until somebody ends it.
    pub lifetime: Option<Duration>,
    /// Its exit code when it ends by itself.
    pub exit_code: i32,
    /// Whether it ends by itself because it ran out of memory.
    pub out_of_memory: bool,
    /// How long it takes to end when it is asked to; `None` when it does not listen.
    pub stops_within: Option<Duration>,
    /// Why it cannot be started at all.
    pub start_error: Option<String>,
    /// What it uses while it runs, in thousandths of a CPU.
    pub cpu_millis: u64,
    /// What it uses while it runs, in bytes.
    pub memory_bytes: u64,
}

impl Default for SimProcess {
    fn default() -> Self {
        Self {
            output: Vec::new(),
            lifetime: None,
            exit_code: 0,
            out_of_memory: false,
            stops_within: Some(Duration::ZERO),
            start_error: None,
            cpu_millis: 1,
            memory_bytes: 1 << 20,
        }
    }
}

impl SimProcess {
    /// A process that runs until somebody ends it, and ends well when asked to.
    pub fn service() -> Self {
        Self::default()
    }

    /// A process that ends by itself.
    pub fn job(lifetime: Duration, exit_code: i32) -> Self {
        Self { lifetime: Some(lifetime), exit_code, ..Self::default() }
    }

    /// What the image's name says: `sim/exit:3` ends at once with 3, `sim/sleep:10s` after ten seconds with 0,
    /// `sim/oom` runs out of memory, `sim/stubborn` does not listen to signals, `sim/broken` cannot be started;
    /// all others run until they are ended.
    pub fn of_image(reference: &str) -> Self {
        let (name, tag) = reference.rsplit_once(':').unwrap_or((reference, ""));
        match name {
            "sim/exit" => Self::job(Duration::ZERO, tag.parse().unwrap_or(0)),
            "sim/sleep" => Self::job(Duration::from_secs(tag.trim_end_matches('s').parse().unwrap_or(0)), 0),
            "sim/oom" => Self { out_of_memory: true, ..Self::job(Duration::ZERO, 137) },
            "sim/stubborn" => Self { stops_within: None, ..Self::default() },
            "sim/broken" => {
                Self { start_error: Some("exec: no such file or directory".to_owned()), ..Self::default() }
            }
            _ => Self::service(),
        }
    }
}

/// Decides what happens in a simulated engine. All methods have a standard answer that goes by the image's name.
pub trait SimScript: Send + Sync + 'static {
    /// How long a call takes.
    fn latency(&self, _operation: SimOperation, _subject: &str) -> Duration {
        Duration::ZERO
    }

    /// The error that a call meets with, instead of being done. Standard: `sim/missing` cannot be pulled.
    fn fault(&self, operation: SimOperation, subject: &str) -> Option<RuntimeError> {
        let missing = operation == SimOperation::PullImage && subject.starts_with("sim/missing");
        missing.then(|| RuntimeError::Pull {
            reference: subject.to_owned(),
            detail: "manifest unknown".to_owned(),
        })
    }

    /// What a container does. Standard: [`SimProcess::of_image`].
    fn process(&self, spec: &ContainerSpec) -> SimProcess {
        SimProcess::of_image(&spec.image)
    }

    /// What a further command in a container writes and answers; input that is sent to it comes back.
    ///
    /// Standard: `exit N` ends with N; all others write their arguments and end with 0.
    fn exec(&self, _container: &ContainerStatus, command: &[String]) -> SimProcess {
        match command {
            [exit, code] if exit == "exit" => SimProcess::job(Duration::ZERO, code.parse().unwrap_or(1)),
            _ => SimProcess {
                output: vec![command.get(1..).unwrap_or_default().join(" ")],
                ..SimProcess::job(Duration::ZERO, 0)
            },
        }
    }
}

/// The script in which every answer is the standard one.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardScript;

impl SimScript for StandardScript {}
