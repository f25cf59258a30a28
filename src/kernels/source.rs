//! The texts of a kernel: files, and where they run.

use super::{DeviceProfile, Sizes};

/// A file of `shaders/`, built in.
pub struct File {
    /// `relu` for `relu.wgsl`.
    pub name: &'static str,
    /// Its folder in `shaders/`: `variants/`, or empty.
    pub folder: &'static str,
    /// The WGSL.
    pub text: &'static str,
}

/// A kernel's text: its own file, and those that are appended to it before `common.wgsl`.
pub struct Source {
    /// The kernel, and the variant: `matmul`, `matmul.tiled`.
    pub name: &'static str,
    /// The kernel's file. Several kernels may share one.
    pub file: &'static File,
    /// What it shares with other files, or what makes it one of several kernels.
    pub parts: &'static [&'static File],
    /// What it demands of a device beyond what all have, in words that follow "needs"; empty if nothing.
    pub needs: &'static str,
    /// The sizes that it runs at on a device; `None` if the device or the text cannot.
    pub runs_on: fn(&DeviceProfile, &Sizes) -> Option<Sizes>,
    /// Whether a plan takes it: of those that suit a device, the last one is taken.
    pub suits: fn(&DeviceProfile, &Sizes) -> bool,
}

impl Source {
    /// The sizes that it takes for `shape` on a device with these profiles, each once.
    pub fn ways(&self, profiles: &[DeviceProfile], shape: &Sizes) -> Vec<Sizes> {
        let mut ways = Vec::new();
        for sizes in profiles.iter().filter_map(|profile| (self.runs_on)(profile, shape)) {
            if !ways.contains(&sizes) {
                ways.push(sizes);
            }
        }
        ways
    }

    /// Why it has no way, in words that follow "it".
    pub fn why_no_way(&self) -> String {
        match self.needs {
            "" => "serves none of these sizes here".into(),
            needs => format!("needs {needs}"),
        }
    }

    /// Its files but for `common.wgsl`, in the order of the text.
    pub fn files(&self) -> impl Iterator<Item = &'static File> {
        [self.file].into_iter().chain(self.parts.iter().copied())
    }
}
