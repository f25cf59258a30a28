//! What changes in a folder of shaders.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
};

use notify::{
    Config, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};

use super::WatchError;
use crate::{
    clock::{Duration, Instant},
    kernels::{ShaderText, VARIANTS, read_each},
};

/// Quiet that ends a save: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(100);
/// How long an empty file may be one that is being written.
const EMPTY: Duration = Duration::from_millis(500);
/// How often folders are looked at where the system reports no changes.
const POLL: Duration = Duration::from_millis(200);

/// A folder and its `variants/`.
pub struct Folder {
    path: PathBuf,
    /// Ends the watching when it is dropped.
    watcher: Box<dyn Watcher>,
    events: Receiver<()>,
    /// What was there at the last look.
    seen: BTreeMap<PathBuf, Found>,
}

/// A file as it is, or why it cannot be read.
pub type Found = Result<ShaderText, String>;

fn is_reading(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}

/// What has become of a file.
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// What is there now; `None` if the file is gone.
    pub now: Option<Found>,
}

impl Folder {
    /// Watches from now on; what is there is known. `poll` looks again and again, for folders of other machines.
    ///
    /// # Errors
    /// If the folder cannot be read or watched.
    pub fn open(path: &Path, poll: bool) -> Result<Self, WatchError> {
        let (sender, events) = channel();
        // The bytes are compared: what happened does not matter, except that reading is no change.
        let heard = move |event: notify::Result<notify::Event>| {
            if !event.is_ok_and(|event| is_reading(&event.kind)) {
                let _ = sender.send(()); // nobody listens any more
            }
        };
        let failed =
            |error: notify::Error| WatchError::Folder { path: path.to_owned(), message: error.to_string() };
        let watcher: Box<dyn Watcher> = match poll {
            true => {
                let config = Config::default().with_poll_interval(POLL).with_compare_contents(true);
                Box::new(PollWatcher::new(heard, config).map_err(failed)?)
            }
            false => Box::new(RecommendedWatcher::new(heard, Config::default()).map_err(failed)?),
        };
        let mut folder = Folder { path: path.to_owned(), watcher, events, seen: BTreeMap::new() };
        folder.seen = folder.read().map_err(|error| folder.gone(&error.to_string()))?;
        folder.watch().map_err(failed)?;
        Ok(folder)
    }

    /// The texts that are there.
    pub fn texts(&self) -> impl Iterator<Item = (&PathBuf, &Found)> {
        self.seen.iter()
    }

    /// Waits for the next save and returns what has changed; possibly nothing.
    ///
    /// # Errors
    /// If the watching ended or the folder is gone.
    pub fn changes(&mut self) -> Result<Vec<Change>, WatchError> {
        if self.events.recv().is_err() {
            return Err(self.gone("it is watched no more"));
        }
        let start = Instant::now();
        loop {
            self.wait_for_quiet();
            self.watch().map_err(|error| self.gone(&error.to_string()))?;
            let found = self.read().map_err(|error| self.gone(&error.to_string()))?;
            let is_empty = |path: &PathBuf| matches!(&found[path], Ok(file) if file.text.is_empty());
            let written = |path: &&PathBuf| is_empty(path) && self.seen.get(*path) != Some(&found[*path]);
            if found.keys().any(|path| written(&path)) && start.elapsed() < EMPTY {
                // It may be half of a save, which goes on without another event.
                self.wait_for_quiet();
                continue;
            }
            return Ok(self.take_in(found));
        }
    }

    fn wait_for_quiet(&self) {
        while !matches!(
            self.events.recv_timeout(QUIET),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)
        ) {}
    }

    /// Also what was deleted and made again, which the system has forgotten.
    fn watch(&mut self) -> notify::Result<()> {
        self.watcher.watch(&self.path, RecursiveMode::NonRecursive)?;
        let variants = self.path.join(VARIANTS);
        if variants.is_dir() {
            self.watcher.watch(&variants, RecursiveMode::NonRecursive)?;
        }
        Ok(())
    }

    fn read(&self) -> io::Result<BTreeMap<PathBuf, Found>> {
        let found = read_each(&self.path)?.into_iter();
        Ok(found.map(|(path, text)| (path, text.map_err(|error| error.to_string()))).collect())
    }

    /// What differs from the last look.
    fn take_in(&mut self, found: BTreeMap<PathBuf, Found>) -> Vec<Change> {
        let before = std::mem::replace(&mut self.seen, found);
        let gone = before.keys().filter(|path| !self.seen.contains_key(*path));
        let gone = gone.map(|path| Change { path: path.clone(), now: None });
        let changed = self.seen.iter().filter(|(path, found)| before.get(*path) != Some(*found));
        gone.chain(changed.map(|(path, found)| Change { path: path.clone(), now: Some(found.clone()) }))
            .collect()
    }

    fn gone(&self, message: &str) -> WatchError {
        WatchError::Folder { path: self.path.clone(), message: message.into() }
    }
}
