//! Files on the machine's disk.

use std::ffi::CString;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;

use super::{Files, HostPathKind, VolumeFile};

/// The link that a volume's files lead through; renaming another one over it changes all of them at once.
const DATA: &str = "..data";

/// Pods' files under one folder.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// Files under `root`, which is made when it is first needed.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Works on a thread where waiting for the disk holds up nobody.
    async fn work<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let path = self.root.join(path);
        tokio::task::spawn_blocking(move || work(&path)).await.map_err(io::Error::other)?
    }
}

#[async_trait]
impl Files for Disk {
    fn locate(&self, path: &Path) -> Option<PathBuf> {
        Some(self.root.join(path))
    }

    async fn make_folder(&self, path: &Path, mode: u32, group: Option<i64>) -> io::Result<()> {
        self.work(path, move |path| make_folder(path, mode, group)).await
    }

    async fn make_memory_folder(
        &self,
        path: &Path,
        mode: u32,
        group: Option<i64>,
        limit: Option<u64>,
    ) -> io::Result<()> {
        self.work(path, move |path| {
            fs::create_dir_all(path)?;
            if rustix::process::geteuid().is_root() && !is_mount_point(path)? {
                let size = limit.map(|limit| format!("size={limit}")).map(CString::new).transpose()?;
                let flags = rustix::mount::MountFlags::empty();
                rustix::mount::mount("tmpfs", path, "tmpfs", flags, size.as_deref())?;
            }
            make_folder(path, mode, group)
        })
        .await
    }

    async fn write_volume(&self, path: &Path, files: Vec<VolumeFile>, group: Option<i64>) -> io::Result<()> {
        self.work(path, move |path| write_volume(path, &files, group)).await
    }

    async fn write(&self, path: &Path, content: Vec<u8>, mode: u32) -> io::Result<()> {
        self.work(path, move |path| {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(mode).open(path)?;
            file.write_all(&content)?;
            file.set_permissions(fs::Permissions::from_mode(mode))
        })
        .await
    }

    async fn read_end(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        self.work(path, move |path| {
            let mut file = match fs::File::open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                opened => opened?,
            };
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
            let mut content = Vec::new();
            file.take(limit).read_to_end(&mut content)?;
            Ok(content)
        })
        .await
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        self.work(path, |path| {
            unmount_below(path)?;
            match fs::remove_dir_all(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            }
        })
        .await
    }

    async fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.work(path, |path| {
            let entries = match fs::read_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                opened => opened?,
            };
            let name =
                |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
            entries.map(name).collect()
        })
        .await
    }

    async fn check_host_path(&self, path: &Path, kind: HostPathKind) -> io::Result<()> {
        self.work(path, move |path| check_host_path(path, kind)).await
    }

    async fn make_sub_path(&self, volume: &Path, sub_path: &Path) -> io::Result<()> {
        let sub_path = sub_path.to_owned();
        self.work(volume, move |volume| make_sub_path(volume, &sub_path)).await
    }
}

fn make_folder(path: &Path, mode: u32, group: Option<i64>) -> io::Result<()> {
    fs::create_dir_all(path)?;
    // The group first: changing it clears the bit that passes it on.
    set_group(path, group)?;
    fs::set_permissions(path, fs::Permissions::from_mode(if group.is_some() { mode | 0o2000 } else { mode }))
}

fn set_group(path: &Path, group: Option<i64>) -> io::Result<()> {
    let Some(group) = group.and_then(|group| u32::try_from(group).ok()) else { return Ok(()) };
    std::os::unix::fs::lchown(path, None, Some(group))
}

fn is_mount_point(path: &Path) -> io::Result<bool> {
    Ok(mount_points()?.iter().any(|point| point == path))
}

/// All mount points. The kernel writes spaces and the like in octal, which paths under the root do not contain.
fn mount_points() -> io::Result<Vec<PathBuf>> {
    let text = fs::read_to_string("/proc/self/mounts")?;
    Ok(text.lines().filter_map(|line| line.split(' ').nth(1).map(PathBuf::from)).collect())
}

fn unmount_below(path: &Path) -> io::Result<()> {
    for point in mount_points()?.iter().rev().filter(|point| point.starts_with(path)) {
        rustix::mount::unmount(point, rustix::mount::UnmountFlags::DETACH)?;
    }
    Ok(())
}

/// The files go into a new folder, and one renamed link makes them the volume's. Files that are gone lose their
/// link last, the old folder after that.
fn write_volume(volume: &Path, files: &[VolumeFile], group: Option<i64>) -> io::Result<()> {
    make_folder(volume, 0o755, group)?;
    let old = fs::read_link(volume.join(DATA)).ok();
    if old.as_ref().is_some_and(|old| same_content(&volume.join(old), files)) {
        return Ok(());
    }
    let new = fresh_folder(volume)?;
    for file in files {
        write_file(&volume.join(&new), file, group)?;
    }
    fs::set_permissions(volume.join(&new), fs::Permissions::from_mode(0o755))?;
    let swap = volume.join("..data_tmp");
    remove_if_there(&swap)?;
    symlink(&new, &swap)?;
    fs::rename(&swap, volume.join(DATA))?;
    link_names(volume, files)?;
    match old {
        Some(old) if old != Path::new(&new) => fs::remove_dir_all(volume.join(old)),
        Some(_) | None => Ok(()),
    }
}

/// A folder of a name that was not there before, `..1`, `..2` and so on. What a crash left is not taken up.
fn fresh_folder(volume: &Path) -> io::Result<String> {
    for number in 1_u64.. {
        let name = format!("..{number}");
        match fs::create_dir(volume.join(&name)) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn write_file(folder: &Path, file: &VolumeFile, group: Option<i64>) -> io::Result<()> {
    let path = folder.join(&file.path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, &file.content)?;
    set_group(&path, group)?;
    let mode = if group.is_some() { file.mode | 0o440 } else { file.mode };
    fs::set_permissions(&path, fs::Permissions::from_mode(mode))
}

fn same_content(folder: &Path, files: &[VolumeFile]) -> bool {
    let same = |file: &VolumeFile| fs::read(folder.join(&file.path)).is_ok_and(|found| found == file.content);
    files.iter().all(same) && count_files(folder) == Some(files.len())
}

fn count_files(folder: &Path) -> Option<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder).ok()? {
        let entry = entry.ok()?;
        count += if entry.file_type().ok()?.is_dir() { count_files(&entry.path())? } else { 1 };
    }
    Some(count)
}

/// The top-level names of the volume lead through [`DATA`] to the files.
fn link_names(volume: &Path, files: &[VolumeFile]) -> io::Result<()> {
    let top = |file: &VolumeFile| file.path.split('/').next().unwrap_or_default().to_owned();
    let names: std::collections::BTreeSet<String> = files.iter().map(top).collect();
    for name in &names {
        if fs::symlink_metadata(volume.join(name)).is_err() {
            symlink(Path::new(DATA).join(name), volume.join(name))?;
        }
    }
    for entry in fs::read_dir(volume)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with("..") && !names.contains(&name) {
            remove_if_there(&volume.join(name))?;
        }
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn check_host_path(path: &Path, kind: HostPathKind) -> io::Result<()> {
    let found = match fs::metadata(path) {
        Ok(found) => Some(found.file_type()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let fits = match (kind, found) {
        (HostPathKind::Any | HostPathKind::DirectoryOrCreate, None) => return fs::create_dir_all(path),
        (HostPathKind::FileOrCreate, None) => return fs::File::create(path).map(drop),
        (_, None) => return Err(io::ErrorKind::NotFound.into()),
        (HostPathKind::Any, Some(_)) => true,
        (HostPathKind::Directory | HostPathKind::DirectoryOrCreate, Some(found)) => found.is_dir(),
        (HostPathKind::File | HostPathKind::FileOrCreate, Some(found)) => found.is_file(),
        (HostPathKind::Socket, Some(found)) => found.is_socket(),
        (HostPathKind::CharDevice, Some(found)) => found.is_char_device(),
        (HostPathKind::BlockDevice, Some(found)) => found.is_block_device(),
    };
    let wrong =
        || io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not a {kind:?}", path.display()));
    if fits { Ok(()) } else { Err(wrong()) }
}

/// Makes the folders of a path step by step, and refuses to leave the volume through a link that a container may
/// have put there.
fn make_sub_path(volume: &Path, sub_path: &Path) -> io::Result<()> {
    if sub_path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "subPath must stay inside the volume"));
    }
    let volume = volume.canonicalize()?;
    let mut path = volume.clone();
    for part in sub_path.components() {
        path.push(part);
        match path.canonicalize() {
            Ok(found) if found.starts_with(&volume) => path = found,
            Ok(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "subPath leads out of the volume",
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(&path)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: &str) -> VolumeFile {
        VolumeFile { path: path.to_owned(), content: content.into(), mode: 0o640 }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_volume_is_exchanged_as_a_whole() {
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::new(root.path().to_owned());
        let volume = Path::new("pods/u1/volumes/config");
        let first = vec![file("a", "1"), file("sub/b", "2")];
        disk.write_volume(volume, first.clone(), None).await.unwrap();
        let at = root.path().join(volume);
        let opened = fs::File::open(at.join("a")).unwrap();
        assert_eq!(fs::read_to_string(at.join("sub/b")).unwrap(), "2");
        assert_eq!(fs::metadata(at.join("a")).unwrap().permissions().mode() & 0o777, 0o640);
        let folder = fs::read_link(at.join(DATA)).unwrap();
        disk.write_volume(volume, first, None).await.unwrap();
        assert_eq!(fs::read_link(at.join(DATA)).unwrap(), folder, "the same content is left alone");
        disk.write_volume(volume, vec![file("a", "3"), file("c", "4")], None).await.unwrap();
        assert_eq!(fs::read_to_string(at.join("a")).unwrap(), "3");
        assert_eq!(names(&at).len(), 4, "{:?}: the data, its link, a and c", names(&at));
        assert_eq!(io::read_to_string(opened).unwrap(), "1", "who has opened a file reads on in it");
    }

    #[tokio::test]
    async fn a_written_file_keeps_its_identity_so_that_mounts_follow() {
        use std::os::unix::fs::MetadataExt;
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::new(root.path().to_owned());
        let path = Path::new("pods/u1/etc-hosts");
        disk.write(path, b"one two".to_vec(), 0o644).await.unwrap();
        let before = fs::metadata(root.path().join(path)).unwrap().ino();
        disk.write(path, b"three".to_vec(), 0o644).await.unwrap();
        assert_eq!(fs::metadata(root.path().join(path)).unwrap().ino(), before);
        assert_eq!(disk.read_end(path, 3).await.unwrap(), b"ree");
        assert_eq!(disk.read_end(Path::new("absent"), 3).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn host_paths_are_made_or_refused_as_their_kind_says() {
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::new(root.path().to_owned());
        let at = |name: &str| root.path().join(name);
        let check = async |name: &str, kind| disk.check_host_path(&at(name), kind).await.is_ok();
        assert!(!check("d", HostPathKind::Directory).await);
        assert!(check("d", HostPathKind::DirectoryOrCreate).await);
        assert!(check("d", HostPathKind::Directory).await);
        assert!(check("f", HostPathKind::FileOrCreate).await);
        assert!(!check("f", HostPathKind::Directory).await);
        assert!(!check("f", HostPathKind::Socket).await);
        assert!(check("/dev/null", HostPathKind::CharDevice).await);
    }

    #[tokio::test]
    async fn a_sub_path_cannot_leave_its_volume() {
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::new(root.path().to_owned());
        fs::create_dir(root.path().join("volume")).unwrap();
        fs::create_dir(root.path().join("secret")).unwrap();
        symlink(root.path().join("secret"), root.path().join("volume/escape")).unwrap();
        let make = async |path: &str| disk.make_sub_path(Path::new("volume"), Path::new(path)).await.is_ok();
        assert!(make("a/b").await);
        assert!(root.path().join("volume/a/b").is_dir());
        assert!(make("a/b").await);
        assert!(!make("../secret").await);
        assert!(!make("escape/x").await);
        assert!(!root.path().join("secret/x").exists());
    }
}
