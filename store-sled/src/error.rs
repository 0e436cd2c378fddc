//! What can go wrong with a data folder.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a data folder could not be opened, verified, exported or imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process, or another store in this one, has the folder open.
    #[error("opening the store in {}: in use by another process", folder.display())]
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// The folder was written in a format that this version does not read.
    #[error("opening the store in {}: its format is {found:?}, this version reads {supported:?}", folder.display())]
    UnknownFormat {
        /// The data folder.
        folder: PathBuf,
        /// What the folder's format file says.
        found: String,
        /// What it has to say.
        supported: &'static str,
    },
    /// The folder holds something, but no store.
    #[error("{} is not empty and holds no store", folder.display())]
    NotAStore {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder that an import is to make a store of is one already.
    #[error("{} holds a store already", folder.display())]
    AlreadyAStore {
        /// The folder.
        folder: PathBuf,
    },
    /// What was acknowledged as durable does not read back.
    #[error("the store is corrupt: {0}")]
    Corrupt(#[from] Corruption),
    /// A file operation failed.
    #[error("{operation} {}", path.display())]
    Io {
        /// What was being done, as a phrase that a path follows: "reading".
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The failure below.
        #[source]
        source: io::Error,
    },
    /// sled failed.
    #[error("{operation}")]
    Index {
        /// What was being done, as a phrase: "opening the index".
        operation: &'static str,
        /// The failure below.
        #[source]
        source: sled::Error,
    },
    /// The export could not be written.
    #[error("writing the export")]
    Export(#[source] io::Error),
    /// What is to be imported is not a whole export.
    #[error("line {line} of the import: {reason}")]
    Import {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it, as a phrase.
        reason: &'static str,
        /// The failure below, if there is one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// A place in a file that does not hold what was written there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Corruption {
    /// The file.
    pub file: PathBuf,
    /// Where in it, in bytes.
    pub offset: u64,
    /// What is wrong there, as a phrase.
    pub detail: String,
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} at byte {}", self.detail, self.file.display(), self.offset)
    }
}

impl Corruption {
    pub(crate) fn new(file: &Path, offset: u64, detail: impl Into<String>) -> Self {
        Self { file: file.to_owned(), offset, detail: detail.into() }
    }
}

impl Error {
    pub(crate) fn index(operation: &'static str) -> impl FnOnce(sled::Error) -> Self {
        move |source| Error::Index { operation, source }
    }
}

/// Says what was being done to which path when a file operation fails.
pub(crate) trait During<T> {
    fn during(self, operation: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, operation: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { operation, path: path.to_owned(), source })
    }
}
