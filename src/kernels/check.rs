//! Runs a kernel on a case and compares every buffer with what its twin expects.

use std::collections::BTreeMap;

use super::{Case, CheckError, Entry, Tensor};
use crate::{
    compare::Expected,
    gpu::{Buffer, Command, Device, DeviceError, Element, Shader, Slice},
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
/// [`CheckError::Wrong`] with the buffer and the first difference, or what the device met.
pub fn check(
    device: &Device,
    entry: &Entry,
    shader: &Shader,
    case: &Case,
    dispatch: bool,
) -> Result<(), CheckError> {
    let buffers = upload(device, shader, case)?;
    let values = case.overrides.values(&case.sizes, &shader.interface);
    let values: Vec<_> = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let kernel = device.kernel(entry.name, shader, &values)?;
    let invocations = (entry.invocations)(&case.sizes, &shader.interface)? as u64;
    let mut slices = BTreeMap::new();
    for (name, guarded) in &buffers {
        slices.insert(*name, device.resource(&shader.interface, name, guarded.inner())??);
    }
    let bound = kernel.dispatch(device, invocations, |binding| {
        let missing = || shader.interface.error(format!("the case has no buffer called `{}`", binding.name));
        slices.get(binding.name.as_str()).cloned().ok_or_else(missing)
    })?;
    let commands: &[Command] = if dispatch { &[Command::Dispatch(bound)] } else { &[] };
    device.submit(commands, 1);
    for (name, guarded) in &buffers {
        let after: Vec<u32> = bytemuck::pod_collect_to_vec(&device.read(&[guarded.buffer.all()])?[0]);
        let expected = case.expected.iter().find(|(expected, _)| expected == name).map(|(_, e)| e);
        guarded.check(&after, expected).map_err(|difference| CheckError::Wrong {
            kernel: entry.name,
            buffer: (*name).to_owned(),
            sizes: Box::new(case.sizes),
            difference,
        })?;
    }
    Ok(())
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
            Element::U32 | Element::I32 | Element::F16 => f64::from(word),
        };
        expected.check(&after[inner].iter().map(number).collect::<Vec<_>>())
    }
}
