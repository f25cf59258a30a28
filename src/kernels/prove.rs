//! Runs a kernel on a case and compares every buffer with what its twin expects.

use std::collections::BTreeMap;

use super::{Case, Entry, proof::Tensor};
use crate::{
    Error, Result,
    compare::Expected,
    gpu::{Buffer, Command, Device, Element, Kernel, Shader, ShaderError, Slice},
};

/// Numbers before and after each buffer that no kernel may touch.
const GUARD: usize = 64;
/// Fills guards and outputs: a NaN as f32, and no sensible count.
const POISON: u32 = 0x7fc0_dead;

/// A buffer between guards, as it was before the dispatch.
struct Guarded {
    buffer: Buffer,
    before: Vec<u32>,
}

/// Runs `entry`'s kernel on `case`; without `dispatch` everything is done but the kernel itself, to
/// show that the comparison would notice.
///
/// # Errors
/// [`Error::WrongKernel`] with the buffer and the first difference, or what the device met.
pub fn prove(device: &Device, entry: &Entry, shader: &Shader, case: &Case, dispatch: bool) -> Result<()> {
    let buffers = upload(device, shader, case)?;
    let overrides = case.sizes.overrides(shader, &case.settings);
    let kernel = Kernel::new(device, entry.name, shader, &overrides)?;
    let invocations = (entry.invocations)(&case.sizes, shader)? as u64;
    let mut slices = BTreeMap::new();
    for (name, guarded) in &buffers {
        slices.insert(*name, device.seen_by(shader, name, guarded.inner())?);
    }
    let bound = kernel.dispatch(device, invocations, |binding| {
        slices.get(binding.name.as_str()).cloned().ok_or_else(|| ShaderError::Interface {
            path: shader.path.clone(),
            message: format!("the case has no buffer called `{}`", binding.name),
        })
    })?;
    let commands: &[Command] = if dispatch { &[Command::Dispatch(bound)] } else { &[] };
    device.submit(commands, 1);
    for (name, guarded) in &buffers {
        let after: Vec<u32> = bytemuck::pod_collect_to_vec(&device.read(&[guarded.buffer.all()])?[0]);
        let expected = case.expected.iter().find(|(expected, _)| expected == name).map(|(_, e)| e);
        guarded.check(&after, expected).map_err(|difference| Error::WrongKernel {
            kernel: entry.name,
            buffer: (*name).to_owned(),
            sizes: Box::new(case.sizes),
            difference,
        })?;
    }
    Ok(())
}

fn upload<'a>(device: &Device, shader: &Shader, case: &'a Case) -> Result<BTreeMap<&'a str, Guarded>> {
    let mut buffers = BTreeMap::new();
    let given = case.given.iter().map(|(name, tensor)| {
        let (element, words) = match tensor {
            Tensor::F32(values) => (Element::F32, bytemuck::cast_slice(values).to_vec()),
            Tensor::U32(values) => (Element::U32, values.clone()),
        };
        (*name, element, words)
    });
    let poisoned = case.expected.iter().map(|(name, expected)| {
        let binding = shader.bindings.iter().find(|binding| binding.name == *name);
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

    fn check(&self, after: &[u32], expected: Option<&Expected>) -> Result<(), String> {
        let inner = GUARD..self.before.len() - GUARD;
        let Some(expected) = expected else {
            return if after == self.before { Ok(()) } else { Err("an input was changed".into()) };
        };
        if after[..GUARD] != self.before[..GUARD] || after[inner.end..] != self.before[inner.end..] {
            return Err("a word beside the buffer was changed".into());
        }
        let number = |&word: &u32| match self.buffer.element {
            Element::F32 => f64::from(f32::from_bits(word)),
            Element::U32 => f64::from(word),
        };
        expected.check(&after[inner].iter().map(number).collect::<Vec<_>>())
    }
}
