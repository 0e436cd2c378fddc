//! A disk that loses power.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::disk::{Appendable, Disk, SystemDisk};

/// The unit that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// The system's disk, with a record of what would be left of it if the power went: the content of files as of
/// their last sync, and names as of their folder's last sync.
#[derive(Clone, Default)]
pub(super) struct LossyDisk {
    state: Arc<Mutex<State>>,
    /// Every sync fails while this is set.
    pub(super) broken: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    files: Vec<File>,
    /// Which file has which name on the disk.
    names: BTreeMap<PathBuf, usize>,
    /// Changes of names that are not durable yet, in order.
    pending: Vec<NameChange>,
    /// Files that others wrote, as of the last sync.
    foreign: BTreeMap<PathBuf, Vec<u8>>,
}

#[derive(Clone, Default)]
struct File {
    durable: Vec<u8>,
    /// Written, but not synced.
    written: Vec<u8>,
}

#[derive(Clone)]
enum NameChange {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

fn change(names: &mut BTreeMap<PathBuf, usize>, change: &NameChange) {
    match change {
        NameChange::Create(path, file) => {
            names.insert(path.clone(), *file);
        }
        NameChange::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
        NameChange::Remove(path) => {
            names.remove(path);
        }
    }
}

impl LossyDisk {
    /// A disk that durably holds what is in the folder.
    pub(super) fn of(folder: &Path) -> Self {
        let disk = Self::default();
        let mut state = disk.state.lock().unwrap();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let index = state.files.len();
                state.files.push(File { durable: std::fs::read(&path).unwrap(), written: Vec::new() });
                state.names.insert(path, index);
            }
        }
        drop(state);
        disk
    }

    /// What is left when the power goes now: all that was synced, any first part of the changes of names
    /// since, and of what was written to files since any sectors, in no order; the others hold zeros or
    /// anything. The files of an open sled, which the store does not sync, are gone, old or rubbish.
    pub(super) fn lose_power(&self, is_index_open: bool, dice: &mut Dice) -> Vec<(PathBuf, Vec<u8>)> {
        let state = self.state.lock().unwrap();
        let mut names = state.names.clone();
        let survive = dice.below(state.pending.len() + 1);
        state.pending[..survive].iter().for_each(|pending| change(&mut names, pending));
        let mut left: Vec<_> =
            names.iter().map(|(path, file)| (path.clone(), state.files[*file].after_loss(dice))).collect();
        for (path, content) in &state.foreign {
            let rubbish = || content.iter().map(|byte| byte.wrapping_add(1)).collect();
            match if is_index_open { dice.below(3) } else { 0 } {
                0 => left.push((path.clone(), content.clone())),
                1 => left.push((path.clone(), rubbish())),
                _ => {}
            }
        }
        left
    }

    fn sync_fails(&self) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) { Err(io::Error::other("the disk is broken")) } else { Ok(()) }
    }

    fn current(&self, path: &Path) -> Option<usize> {
        let state = self.state.lock().unwrap();
        let mut names = state.names.clone();
        state.pending.iter().for_each(|pending| change(&mut names, pending));
        names.get(path).copied()
    }

    fn file(&self, path: &Path, index: usize) -> io::Result<Box<dyn Appendable>> {
        let real = std::fs::OpenOptions::new().append(true).open(path)?;
        Ok(Box::new(LossyFile { disk: self.clone(), index, real }))
    }
}

impl File {
    fn after_loss(&self, dice: &mut Dice) -> Vec<u8> {
        let mut content = self.durable.clone();
        let mut rest = &self.written[..dice.below(self.written.len() + 1)];
        while !rest.is_empty() {
            let (sector, later) = rest.split_at(rest.len().min(SECTOR - content.len() % SECTOR));
            match dice.below(3) {
                0 => content.extend(sector),
                1 => content.extend(sector.iter().map(|_| 0)),
                _ => content.extend(sector.iter().map(|_| dice.below(256) as u8)),
            }
            rest = later;
        }
        content
    }
}

/// A repeatable stream of numbers.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

impl Disk for LossyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Appendable>> {
        drop(SystemDisk.create(path)?);
        let mut state = self.state.lock().unwrap();
        let index = state.files.len();
        state.files.push(File::default());
        state.pending.push(NameChange::Create(path.to_owned(), index));
        drop(state);
        self.file(path, index)
    }

    fn reopen(&self, path: &Path, length: u64) -> io::Result<Box<dyn Appendable>> {
        drop(SystemDisk.reopen(path, length)?);
        let index = self.current(path).expect("the file was made on this disk");
        let file = &mut self.state.lock().unwrap().files[index];
        let mut content = [&file.durable[..], &file.written[..]].concat();
        content.truncate(length as usize);
        file.written = content.split_off(file.durable.len().min(content.len()));
        file.durable.truncate(length as usize);
        self.file(path, index)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        SystemDisk.rename(from, to)?;
        state.pending.push(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        SystemDisk.remove(path)?;
        state.pending.push(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove_folder(path)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.sync_fails()?;
        let mut state = self.state.lock().unwrap();
        if path.is_file() {
            state.foreign.insert(path.to_owned(), std::fs::read(path)?);
        }
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.sync_fails()?;
        let mut state = self.state.lock().unwrap();
        let State { names, pending, .. } = &mut *state;
        pending.retain(|pending| {
            let (NameChange::Create(name, _) | NameChange::Rename(_, name) | NameChange::Remove(name)) =
                pending;
            let is_synced = name.parent() == Some(path);
            if is_synced {
                change(names, pending);
            }
            !is_synced
        });
        Ok(())
    }
}

struct LossyFile {
    disk: LossyDisk,
    index: usize,
    real: std::fs::File,
}

impl Appendable for LossyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.real.append(bytes)?;
        self.disk.state.lock().unwrap().files[self.index].written.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.sync_fails()?;
        let file = &mut self.disk.state.lock().unwrap().files[self.index];
        let written = std::mem::take(&mut file.written);
        file.durable.extend(written);
        Ok(())
    }
}
