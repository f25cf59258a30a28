//! A kernel on a device, with the buffers of a case: run it, and compare every buffer with what its twin expects.

use std::collections::BTreeMap;

use super::{Case, CheckError, Entry, Mismatch, Tensor};
use crate::{
    clock::{Duration, Instant},
    compare::{Expected, Worst},
    gpu::{Buffer, Command, Device, DeviceError, Dispatch, Element, Shader, Slice},
};

/// Numbers before and after each buffer that no kernel may touch.
const GUARD: usize = 64;
/// Fills guards and outputs: a NaN as f32, and no sensible count.
const POISON: u32 = 0x7fc0_dead;

/// A kernel with a case's buffers bound to it.
pub struct Trial<'a> {
    device: &'a Device,
    entry: &'a Entry,
    case: &'a Case,
    buffers: BTreeMap<&'a str, Guarded>,
    /// The kernel over these buffers. Each run of it goes on from what is there.
    pub dispatch: Dispatch,
    /// What the driver took to compile it; nothing where it had done so before.
    pub compiling: Duration,
}

/// A buffer between guards, as it was before the dispatch.
struct Guarded {
    buffer: Buffer,
    before: Vec<u32>,
}

/// Of a right result the element that comes nearest to its bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// The buffer.
    pub buffer: &'static str,
    /// The element, and its difference as a part of its bound.
    pub worst: Worst,
}

impl<'a> Trial<'a> {
    /// Uploads the buffers of `case`, and compiles the kernel for its sizes.
    ///
    /// # Errors
    /// What the device or the shader met.
    pub fn new(
        device: &'a Device,
        entry: &'a Entry,
        shader: &Shader,
        case: &'a Case,
    ) -> Result<Self, CheckError> {
        let buffers = upload(device, shader, case)?;
        let mut slices = BTreeMap::new();
        for (name, guarded) in &buffers {
            slices.insert(*name, device.resource(&shader.interface, name, guarded.inner())??);
        }
        let start = Instant::now();
        let kernel = device.kernel(entry.name, shader, &case.override_values(shader))?;
        let invocations = (entry.invocations)(&case.sizes, &shader.interface)? as u64;
        let dispatch = kernel.dispatch(device, invocations, |binding| {
            let known = || slices.keys().copied().collect::<Vec<_>>().join(", ");
            slices.get(binding.name.as_str()).cloned().ok_or_else(|| {
                let name = &binding.name;
                shader
                    .interface
                    .error(format!("no buffer is called `{name}`; this kernel's case has {}", known()))
            })
        })?;
        device.make_ready(&[Command::Dispatch(dispatch.clone())])?;
        Ok(Trial { device, entry, case, buffers, dispatch, compiling: start.elapsed() })
    }

    /// Runs the kernel, and compares every buffer with what is expected of it.
    ///
    /// # Errors
    /// [`CheckError::Wrong`] with the buffer and the first difference, or what the device met.
    pub fn run(&self) -> Result<Nearest, CheckError> {
        self.device.submit(&[Command::Dispatch(self.dispatch.clone())], 1);
        self.compare()
    }

    /// Requires that the comparison notices a kernel that has not run.
    ///
    /// # Errors
    /// [`CheckError::Blind`] if it does not, or what the device met.
    pub fn control(&self) -> Result<(), CheckError> {
        match self.compare() {
            Err(CheckError::Wrong { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(CheckError::Blind { kernel: self.entry.name, sizes: Box::new(self.case.sizes) }),
        }
    }

    /// Compares the buffers as they are.
    ///
    /// # Errors
    /// As [`Trial::run`].
    fn compare(&self) -> Result<Nearest, CheckError> {
        let slices: Vec<_> = self.buffers.values().map(|guarded| guarded.buffer.all()).collect();
        let found = self.device.read(&slices)?;
        let after: BTreeMap<_, Vec<u32>> = self
            .buffers
            .keys()
            .copied()
            .zip(found.iter().map(|bytes| bytemuck::pod_collect_to_vec(bytes)))
            .collect();
        let wrong = |buffer: &str, mismatch| CheckError::Wrong {
            kernel: self.entry.name,
            buffer: buffer.to_owned(),
            sizes: Box::new(self.case.sizes),
            mismatch,
        };
        let mut nearest: Option<Nearest> = None;
        for &(buffer, ref expected) in &self.case.expected {
            let worst = self.buffers[buffer]
                .check(&after[buffer], expected)
                .map_err(|mismatch| wrong(buffer, mismatch))?;
            if nearest.as_ref().is_none_or(|known| worst.share > known.worst.share) {
                nearest = Some(Nearest { buffer, worst });
            }
        }
        let is_input = |name: &str| !self.case.expected.iter().any(|(expected, _)| *expected == name);
        for (name, guarded) in self.buffers.iter().filter(|(name, _)| is_input(name)) {
            guarded.check_input(&after[name]).map_err(|mismatch| wrong(name, mismatch))?;
        }
        nearest.ok_or_else(|| CheckError::Blind { kernel: self.entry.name, sizes: Box::new(self.case.sizes) })
    }
}

/// Runs `entry`'s kernel on `case` and compares.
///
/// # Errors
/// [`CheckError::Wrong`] with the buffer and the first difference, or what the device or the shader met.
pub fn check(device: &Device, entry: &Entry, shader: &Shader, case: &Case) -> Result<Nearest, CheckError> {
    Trial::new(device, entry, shader, case)?.run()
}

fn upload<'a>(
    device: &Device,
    shader: &Shader,
    case: &'a Case,
) -> Result<BTreeMap<&'a str, Guarded>, DeviceError> {
    let mut buffers = BTreeMap::new();
    let given = case.given.iter().map(|(name, tensor)| {
        let (element, words) = match tensor {
            Tensor::F32(values) => (Element::F32, bytemuck::cast_slice(values).to_vec()),
            Tensor::U32(values) => (Element::U32, values.clone()),
        };
        (*name, element, words)
    });
    let poisoned = case.expected.iter().map(|(name, expected)| {
        let binding = shader.interface.binding(name);
        let element = binding.and_then(|binding| binding.element).unwrap_or(Element::F32);
        (*name, element, vec![POISON; expected.values.len()])
    });
    for (name, element, words) in given.chain(poisoned) {
        if !buffers.contains_key(name) {
            let guard = [POISON; GUARD];
            let before = [&guard[..], &words, &guard[..]].concat();
            let buffer = device.upload(name, element, bytemuck::cast_slice(&before))?;
            buffers.insert(name, Guarded { buffer, before });
        }
    }
    Ok(buffers)
}

impl Guarded {
    fn inner(&self) -> Slice {
        self.buffer.slice(GUARD, self.before.len() - 2 * GUARD)
    }

    fn check(&self, after: &[u32], expected: &Expected) -> Result<Worst, Mismatch> {
        let inner = GUARD..self.before.len() - GUARD;
        if after[..GUARD] != self.before[..GUARD] || after[inner.end..] != self.before[inner.end..] {
            return Err(Mismatch::Beside);
        }
        let number = |&word: &u32| match self.buffer.element {
            Element::F32 => f64::from(f32::from_bits(word)),
            Element::U32 | Element::I32 | Element::F16 => f64::from(word),
        };
        Ok(expected.check(&after[inner].iter().map(number).collect::<Vec<_>>())?)
    }

    fn check_input(&self, after: &[u32]) -> Result<(), Mismatch> {
        match after.iter().zip(&self.before).position(|(after, before)| after != before) {
            None => Ok(()),
            Some(at) if (GUARD..self.before.len() - GUARD).contains(&at) => {
                Err(Mismatch::Input { index: at - GUARD })
            }
            Some(_) => Err(Mismatch::Beside),
        }
    }
}
