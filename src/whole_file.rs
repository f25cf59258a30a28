//! Files that are always complete: the old one or the new one, whatever happens while it is written.

use std::{
    fs::{self, File, Permissions},
    io::{self, BufWriter, Write},
    path::Path,
    time::Duration,
};

use tempfile::NamedTempFile;

use crate::paths::folder_of;

/// How a temporary file is called: this, some letters and digits, and the end.
const START: &str = ".shadegrad-";
const END: &str = ".tmp";
/// Letters and digits between the two.
const RANDOM: usize = 6;
/// A temporary file whose writer cannot be asked is taken for abandoned after this time: no write takes so long.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Nobody needs longer to lock a file after making it.
#[cfg(unix)]
const UNLOCKED: Duration = Duration::from_secs(2);

/// Writes the file at `path`, which is no link: a temporary file in the same folder is written, synchronised
/// and renamed. What earlier writers left there when they were killed is removed.
///
/// # Errors
/// What the system or `content` meets; a file that is there is then as it was.
pub(crate) fn write(
    path: &Path,
    permissions: Option<&Permissions>,
    content: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    let folder = folder_of(path);
    remove_abandoned(folder);
    let temporary = temporary_in(folder)?;
    let mut writer = BufWriter::new(temporary.as_file());
    content(&mut writer)?;
    writer.flush()?;
    drop(writer);
    if let Some(permissions) = permissions {
        temporary.as_file().set_permissions(permissions.clone())?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    // Makes the new name outlast a power cut. Not every file system can; without it the old
    // file may come back, which is complete too.
    #[cfg(unix)]
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Whether [`write()`] can make a file in the folder; no file is left.
pub(crate) fn check_folder(folder: &Path) -> io::Result<()> {
    temporary_in(folder).map(drop)
}

/// An empty file; dropping it deletes it.
fn temporary_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(START).suffix(END).rand_bytes(RANDOM);
    // Less the umask, as for any new file: a temporary file is private otherwise.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(folder)?;
    // Says that its writer lives. Where files cannot be locked, the age must do.
    #[cfg(unix)]
    let _ = rustix::fs::flock(temporary.as_file(), rustix::fs::FlockOperation::NonBlockingLockExclusive);
    Ok(temporary)
}

/// Removes the temporary files whose writers were killed. What cannot be removed stays: it is in nobody's way.
fn remove_abandoned(folder: &Path) {
    for item in fs::read_dir(folder).into_iter().flatten().flatten() {
        if item.file_name().to_str().is_some_and(is_temporary) && is_abandoned(&item).unwrap_or(false) {
            let _ = fs::remove_file(item.path());
        }
    }
}

fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(START).and_then(|rest| rest.strip_suffix(END));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn is_abandoned(item: &fs::DirEntry) -> io::Result<bool> {
    let found = item.metadata()?; // of a link: itself
    if !found.is_file() {
        return Ok(false);
    }
    let age = found.modified()?.elapsed().unwrap_or_default();
    #[cfg(unix)]
    if age >= UNLOCKED {
        use rustix::{fs::FlockOperation, io::Errno};
        let file = File::open(item.path())?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(_) => {}
        }
    }
    Ok(age >= ABANDONED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aged(folder: &Path, name: &str, seconds: u64) {
        let file = File::create(folder.join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let names =
            fs::read_dir(folder).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn what_killed_writers_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let others =
            [".shadegrad-.tmp", ".shadegrad-a.b.c.tmp", ".shadegrad-notes.txt", "shadegrad-abcdef.tmp"];
        for name in others {
            aged(path, name, 1_000_000);
        }
        aged(path, ".shadegrad-abcdeF.tmp", 2 * 3600);
        aged(path, ".shadegrad-012345.tmp", 1_000_000);
        aged(path, ".shadegrad-young1.tmp", 0);
        fs::create_dir(path.join(".shadegrad-folder.tmp")).unwrap();
        write(&path.join("model"), None, |writer| writer.write_all(b"whole")).unwrap();
        let mut left = others.to_vec();
        left.extend([".shadegrad-folder.tmp", ".shadegrad-young1.tmp", "model"]);
        left.sort_unstable();
        assert_eq!(names(path), left);
    }

    #[cfg(unix)]
    #[test]
    fn a_temporary_file_of_a_living_writer_stays_and_a_dead_ones_goes_soon() {
        let folder = tempfile::tempdir().unwrap();
        let living = temporary_in(folder.path()).unwrap();
        living.as_file().set_modified(std::time::SystemTime::now() - 2 * ABANDONED).unwrap();
        aged(folder.path(), ".shadegrad-killed.tmp", 3);
        write(&folder.path().join("model"), None, |_| Ok(())).unwrap();
        let name = living.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(names(folder.path()), [name, "model"]);
    }

    #[test]
    fn a_write_that_fails_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        for before in [None, Some("old")] {
            if let Some(before) = before {
                fs::write(&path, before).unwrap();
            }
            let full = |writer: &mut BufWriter<&File>| {
                writer.write_all(b"half of it")?;
                Err(io::ErrorKind::StorageFull.into())
            };
            let error = write(&path, None, full).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            assert_eq!(fs::read_to_string(&path).ok().as_deref(), before);
            assert_eq!(names(folder.path()).len(), usize::from(before.is_some()));
        }
    }
}
