//! Edited kernels, looked at after every save: do they compile, are they right, how fast are they?

mod folder;
mod helper;
mod job;
mod worker;

pub use helper::Helper;
pub use job::{Checked, Timed, Verdict};
pub use worker::serve;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use crate::{
    gpu::ShaderError,
    kernels::{COMMON, ShaderText, Shaders, fused, sources, sources_named},
};
use folder::{Change, Folder, Found};
use helper::Ended;
use job::{Answer, Job};

/// Why the watching ended.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The folder cannot be watched.
    #[error("{path}: {message}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// A result could not be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// What a save has come to.
pub struct Save {
    /// The file.
    pub path: PathBuf,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a saved file.
pub enum Outcome {
    /// It is taken: what its kernels have shown, and how long they take.
    Taken(Vec<(Checked, Option<Timed>)>),
    /// It is not, and the text before it stays: why.
    Kept(String),
    /// It is gone, and the built-in text is in its place.
    Gone,
}

/// Hears of the saves.
pub trait Observer {
    /// A file was saved.
    ///
    /// # Errors
    /// If that could not be written.
    fn save(&mut self, save: &Save) -> io::Result<()>;
}

/// A folder whose files are looked at.
pub struct Watch {
    folder: Folder,
    helper: Helper,
    /// The texts that run: the last of each file that compiled, kept to the contract and ended.
    taken: BTreeMap<String, ShaderText>,
}

impl Watch {
    /// Watches a folder, with `helper` to look at what is saved.
    ///
    /// # Errors
    /// [`WatchError::Folder`] if it cannot be read or watched.
    pub fn open(folder: &Path, poll: bool, helper: Helper) -> Result<Self, WatchError> {
        let folder = Folder::open(folder, poll)?;
        Ok(Watch { folder, helper, taken: BTreeMap::new() })
    }

    /// Looks at what differs from the built-in texts at the start, and then at every save, for as long as the folder
    /// is there.
    ///
    /// # Errors
    /// [`WatchError`] if the folder is gone, or a line cannot be written.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<(), WatchError> {
        for change in self.edited() {
            self.look_at(&change, observer)?;
        }
        loop {
            for change in self.folder.changes()? {
                self.look_at(&change, observer)?;
            }
        }
    }

    /// The files that differ from the built-in ones, as changes.
    fn edited(&self) -> Vec<Change> {
        let differs = |found: &&Found| match found {
            Ok(file) => Shaders::with(std::slice::from_ref(file)).is_ok_and(|shaders| shaders.has_edits()),
            Err(_) => true,
        };
        let there = self.folder.texts().filter(|(_, found)| differs(found));
        there.map(|(path, found)| Change { path: path.clone(), now: Some(found.clone()) }).collect()
    }

    fn look_at(&mut self, change: &Change, observer: &mut dyn Observer) -> Result<(), WatchError> {
        let outcome = match &change.now {
            None => {
                let name = change.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
                self.taken.remove(&name.unwrap_or_default());
                Outcome::Gone
            }
            Some(Err(why)) => Outcome::Kept(why.clone()),
            Some(Ok(file)) => self.try_out(file),
        };
        observer.save(&Save { path: change.path.clone(), outcome })?;
        Ok(())
    }

    /// Checks the kernels of a file, with the other files as they are on disk, or where these are broken as they run.
    fn try_out(&mut self, file: &ShaderText) -> Outcome {
        let names = match sources_named(std::slice::from_ref(&file.name)) {
            Ok(names) => names,
            Err(name) => return Outcome::Kept(format!("no kernel has a file called {name}")),
        };
        let parts = parts(&names);
        let on_disk = self.folder.texts().filter_map(|(_, found)| found.as_ref().ok());
        let needed = on_disk.filter(|file| parts.contains(file.name.as_str()));
        let (mut all, mut alone) = (self.taken.clone(), self.taken.clone());
        all.extend(needed.map(|file| (file.name.clone(), file.clone())));
        alone.insert(file.name.clone(), file.clone());
        // Of two files that only work together, the one that is saved second brings the first one with it.
        let texts = match (parsed(&all, &names), parsed(&alone, &names)) {
            (Ok(()), _) => all,
            (Err(_), Ok(())) => alone,
            (Err(_), Err(error)) => return Outcome::Kept(error.to_string()),
        };
        let job = Job {
            files: texts.values().cloned().collect(),
            before: self.taken.values().cloned().collect(),
            sources: names.iter().map(|&name| name.to_owned()).collect(),
        };
        let mut found: Vec<(Checked, Option<Timed>)> = Vec::new();
        let ended = self.helper.ask(&job, &mut |answer| match answer {
            Answer::Checked(checked) => found.push((checked, None)),
            Answer::Timed(timed) => {
                if let Some((_, time)) = found.last_mut() {
                    *time = Some(timed);
                }
            }
            _ => {}
        });
        let refused = found.iter().find_map(|(checked, _)| match &checked.verdict {
            Verdict::Refused(why) => Some(why.clone()),
            _ => None,
        });
        match (ended, refused) {
            // Right at tiny sizes, and too slow to be timed.
            (Ended::Hung, None) if found.len() == job.sources.len() => {
                self.taken = texts;
                Outcome::Taken(found)
            }
            (Ended::Hung, _) => Outcome::Kept("ran for more than 2 s: does a loop never end?".into()),
            (Ended::Failed(why), _) => Outcome::Kept(why),
            (Ended::Done, Some(why)) => Outcome::Kept(why),
            (Ended::Done, None) => {
                self.taken = texts;
                Outcome::Taken(found)
            }
        }
    }
}

/// The files that these sources are made of.
fn parts(names: &BTreeSet<&'static str>) -> BTreeSet<&'static str> {
    let wanted = sources().filter(|source| names.contains(source.name));
    wanted.flat_map(|source| source.files().chain([&COMMON])).map(|file| file.name).collect()
}

/// Parses the kernels of a save.
fn parsed(texts: &BTreeMap<String, ShaderText>, names: &BTreeSet<&'static str>) -> Result<(), ShaderError> {
    let shaders = Shaders::with(&texts.values().cloned().collect::<Vec<_>>())?;
    names.iter().try_for_each(|name| shaders.get(name, &fused::example(name)).map(drop))
}
