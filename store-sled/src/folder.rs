//! The data folder: what lies in it under which name, its format version and its lock.
//!
//! | name | what |
//! | --- | --- |
//! | `format` | one line that says which version of this layout the folder has |
//! | `lock` | locked while a process has the folder open |
//! | `journal-<revision>` | a segment of the journal, named after the first revision it may hold |
//! | `checkpoint-<revision>` | all keys as of a revision or later ones |
//! | `index/` | sled |
//! | `scratch/` | a sled that an export fills; removed on opening |
//! | `clean` | says that the index was closed properly; gone while the folder is open |
//! | `*.new` | being written; removed on opening |

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bireme_core::store::Revision;

use crate::disk::Disk;
use crate::error::{During as _, Error};

/// What the format file says.
pub(crate) const FORMAT: &str = "bireme store 1\n";

const FORMAT_NAME: &str = "format";
const JOURNAL: &str = "journal-";
const CHECKPOINT: &str = "checkpoint-";
const UNFINISHED: &str = ".new";

/// An open data folder; nobody else can open it meanwhile.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    /// Locked as long as it is open.
    _lock: File,
}

/// A file that is named after a revision.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) revision: Revision,
    pub(crate) path: PathBuf,
}

impl Folder {
    /// Whether the folder holds a store, of whatever format.
    pub(crate) fn is_store(path: &Path) -> bool {
        path.join(FORMAT_NAME).exists()
    }

    /// Locks the folder, which must hold a store.
    pub(crate) fn existing(path: &Path, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        if !Self::is_store(path) {
            return Err(Error::NotAStore { folder: path.to_owned() });
        }
        Self::locked(path, disk)
    }

    /// Locks the folder; makes it if it is missing, and a store of it if it is empty.
    pub(crate) fn existing_or_new(path: &Path, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        if Self::is_store(path) {
            return Self::locked(path, disk);
        }
        Self::new(path, disk, |_| Ok(()))
    }

    /// Makes a store of a folder that is missing or empty, with what `fill` puts into it. It is none before
    /// that is done.
    pub(crate) fn new(
        path: &Path,
        disk: Arc<dyn Disk>,
        fill: impl FnOnce(&Self) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let is_new = !path.exists();
        fs::create_dir_all(path).during("creating", path)?;
        let folder = Self::lock(path, disk)?;
        folder.check_is_empty()?;
        fill(&folder)?;
        folder.write_whole(FORMAT_NAME, FORMAT.as_bytes())?;
        if let (true, Some(parent)) = (is_new, path.parent()) {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            folder.disk.sync_folder(parent).during("syncing", parent)?;
        }
        Ok(folder)
    }

    fn locked(path: &Path, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        let folder = Self::lock(path, disk)?;
        let format = folder.join(FORMAT_NAME);
        let found = fs::read(&format).during("reading", &format)?;
        if found != FORMAT.as_bytes() {
            return Err(Error::UnknownFormat {
                folder: path.to_owned(),
                found: String::from_utf8_lossy(&found).trim().to_owned(),
                supported: FORMAT.trim_ascii(),
            });
        }
        Ok(folder)
    }

    fn lock(path: &Path, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        let name = path.join("lock");
        let lock = File::create(&name).during("creating", &name)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), disk, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse { folder: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(source).during("locking", &name),
        }
    }

    /// Refuses to make a store of a folder in which somebody keeps something else.
    fn check_is_empty(&self) -> Result<(), Error> {
        let names = self.names()?;
        // What creating a store may leave behind when the power goes.
        let ours = |name: &String| name == "lock" || name.ends_with(UNFINISHED);
        if names.iter().all(ours) { Ok(()) } else { Err(Error::NotAStore { folder: self.path.clone() }) }
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn segment(&self, first: Revision) -> PathBuf {
        self.join(&format!("{JOURNAL}{:020}", first.0))
    }

    pub(crate) fn checkpoint(&self, base: Revision) -> PathBuf {
        self.join(&format!("{CHECKPOINT}{:020}", base.0))
    }

    /// The journal's segments, oldest first.
    pub(crate) fn segments(&self) -> Result<Vec<Numbered>, Error> {
        self.numbered(JOURNAL)
    }

    /// The checkpoints, oldest first. One is complete if it has its name.
    pub(crate) fn checkpoints(&self) -> Result<Vec<Numbered>, Error> {
        self.numbered(CHECKPOINT)
    }

    fn numbered(&self, prefix: &str) -> Result<Vec<Numbered>, Error> {
        let revision = |name: &str| name.strip_prefix(prefix)?.parse().ok().map(Revision);
        let mut files: Vec<_> = self
            .names()?
            .iter()
            .filter_map(|name| Some(Numbered { revision: revision(name)?, path: self.join(name) }))
            .collect();
        files.sort_unstable_by_key(|file| file.revision);
        Ok(files)
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let entries = fs::read_dir(&self.path).during("reading", &self.path)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<io::Result<_>>().during("reading", &self.path)
    }

    /// The name that a file has until it is complete.
    pub(crate) fn unfinished(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(UNFINISHED);
        name.into()
    }

    /// Gives a complete and synced file its name.
    pub(crate) fn finish(&self, path: &Path) -> Result<(), Error> {
        self.disk.rename(&Self::unfinished(path), path).during("naming", path)?;
        self.sync()
    }

    /// Writes a small file so that it is there whole or not at all.
    pub(crate) fn write_whole(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let path = self.join(name);
        let unfinished = Self::unfinished(&path);
        let mut file = self.disk.create(&unfinished).during("creating", &unfinished)?;
        file.append(content).and_then(|()| file.sync()).during("writing", &unfinished)?;
        self.finish(&path)
    }

    pub(crate) fn remove(&self, path: &Path) -> Result<(), Error> {
        self.disk.remove(path).during("removing", path)
    }

    /// Removes a folder in this one, if it is there.
    pub(crate) fn remove_folder(&self, name: &str) -> Result<(), Error> {
        let path = self.join(name);
        if path.exists() {
            self.disk.remove_folder(&path).during("removing", &path)?;
        }
        Ok(())
    }

    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.disk.sync_folder(&self.path).during("syncing", &self.path)
    }

    /// Removes what was being written when the power went.
    pub(crate) fn remove_unfinished(&self) -> Result<(), Error> {
        for name in self.names()?.iter().filter(|name| name.ends_with(UNFINISHED)) {
            self.remove(&self.join(name))?;
        }
        Ok(())
    }
}
