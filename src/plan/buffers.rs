//! The memory of a plan on a device.

use std::{borrow::Cow, collections::BTreeMap};

use super::{BufferId, BufferSpec, Plan, PlanError, Start, View};
use crate::{
    data::{Dataset, Samples, Split},
    gpu::{Buffer, Device, Resource, Slice, Texture},
    net::{Layout, Parameters},
};

/// The buffers that a plan uses.
pub struct Buffers {
    held: BTreeMap<BufferId, Held>,
}

/// One of them, as it was declared.
struct Held {
    spec: BufferSpec,
    memory: Memory,
}

enum Memory {
    Buffer(Buffer),
    Texture(Texture),
}

impl Buffers {
    /// Allocates what `plan` uses, and fills it from the samples and the initial parameters.
    ///
    /// # Errors
    /// [`PlanError::Device`] if memory runs out.
    pub fn allocate(
        device: &Device,
        plan: &Plan,
        data: &Dataset,
        parameters: &Parameters,
    ) -> Result<Self, PlanError> {
        let mut buffers = Buffers { held: BTreeMap::new() };
        for (id, spec) in plan.used() {
            let memory = match (spec.texture_row, &spec.start) {
                (Some(row), Start::CopyOf(of)) => {
                    Memory::Texture(device.texture(&buffers.buffer(*of).all(), row)?)
                }
                _ => Memory::Buffer(filled(device, spec, plan, data, parameters)?),
            };
            buffers.held.insert(id, Held { spec: spec.clone(), memory });
        }
        Ok(buffers)
    }

    /// The bytes of a view.
    ///
    /// # Panics
    /// If the view's buffer is not allocated, or is a texture.
    pub fn slice(&self, view: View) -> Slice {
        self.buffer(view.buffer).slice(view.start, view.len)
    }

    /// What a variable is bound to.
    pub(super) fn resource(&self, view: View) -> Resource {
        match &self.held[&view.buffer].memory {
            Memory::Buffer(buffer) => Resource::Buffer(buffer.slice(view.start, view.len)),
            Memory::Texture(texture) => Resource::Texture(texture.clone()),
        }
    }

    fn buffer(&self, id: BufferId) -> &Buffer {
        match &self.held[&id].memory {
            Memory::Buffer(buffer) => buffer,
            Memory::Texture(_) => panic!("{} is a texture", self.held[&id].spec.name),
        }
    }

    /// Whether these are the buffers of `plan`.
    ///
    /// # Errors
    /// [`PlanError::OtherBuffers`] with the first one that differs.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), PlanError> {
        let describe = |spec: &BufferSpec| format!("{} numbers of {}", spec.len, spec.element);
        for (id, spec) in plan.used() {
            let held = self.held.get(&id).map(|held| &held.spec);
            if held != Some(spec) {
                return Err(PlanError::OtherBuffers {
                    name: spec.name.clone(),
                    expected: describe(spec),
                    found: held.map_or("not allocated".into(), |held| {
                        if held.name == spec.name { describe(held) } else { format!("{} there", held.name) }
                    }),
                });
            }
        }
        Ok(())
    }
}

/// A buffer with its first contents.
fn filled(
    device: &Device,
    spec: &BufferSpec,
    plan: &Plan,
    data: &Dataset,
    parameters: &Parameters,
) -> Result<Buffer, PlanError> {
    let upload = |bytes: &[u8]| device.upload(&spec.name, spec.element, bytes);
    Ok(match &spec.start {
        Start::Zeros | Start::CopyOf(_) => device.zeros(&spec.name, spec.element, spec.len)?,
        Start::Values(values) => upload(bytemuck::cast_slice(values))?,
        Start::Parameters => {
            let flat = Layout::new(&plan.shape).pack(parameters);
            upload(bytemuck::cast_slice(&flat))?
        }
        Start::Pixels(split, padded) => upload(&padded_pixels(set(data, *split), *padded))?,
        Start::Labels(split) => {
            let labels: Vec<u32> = set(data, *split).labels.iter().map(|&label| label.into()).collect();
            upload(bytemuck::cast_slice(&labels))?
        }
    })
}

fn set(data: &Dataset, split: Split) -> &Samples {
    data.set(split).expect("a plan has only sets that the data have")
}

/// The pixels with each picture padded to `k` bytes.
fn padded_pixels(samples: &Samples, k: usize) -> Cow<'_, [u8]> {
    if samples.inputs == k {
        return samples.pixels.as_slice().into();
    }
    let mut bytes = vec![0; samples.len() * k];
    for (place, picture) in bytes.chunks_exact_mut(k).zip(samples.pixels.chunks_exact(samples.inputs)) {
        place[..samples.inputs].copy_from_slice(picture);
    }
    bytes.into()
}
