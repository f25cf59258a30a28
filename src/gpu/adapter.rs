//! Which adapters there are, and which one a run gets.

use std::sync::OnceLock;

use wgpu::{Backend, Backends, DeviceType};

use super::{DeviceError, wait::wait_for};

/// An adapter as `shadegrad devices` lists it.
#[derive(Clone)]
pub struct Adapter {
    /// Its number in the list, whatever back end is asked for.
    pub index: usize,
    pub(super) raw: wgpu::Adapter,
}

/// What is asked of the adapters; the CPU engine is none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The best one: discrete before integrated before software.
    Best,
    /// The one with this number in the list.
    Index(usize),
    /// The best one with this in its name, in any case.
    Name(String),
}

/// A graphics API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphicsApi {
    /// Vulkan
    Vulkan,
    /// Metal
    Metal,
    /// Direct3D 12
    Dx12,
    /// OpenGL or OpenGL ES; asked for by name, a software one may be used too
    Gl,
}

impl GraphicsApi {
    /// All of them.
    pub const ALL: [Self; 4] = [GraphicsApi::Vulkan, GraphicsApi::Metal, GraphicsApi::Dx12, GraphicsApi::Gl];

    /// The API of this name, in any case and by the names that wgpu's own variable knows.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_lowercase().as_str() {
            "vulkan" | "vk" => Some(GraphicsApi::Vulkan),
            "metal" | "mtl" => Some(GraphicsApi::Metal),
            "dx12" | "d3d12" => Some(GraphicsApi::Dx12),
            "gl" | "gles" | "opengl" => Some(GraphicsApi::Gl),
            _ => None,
        }
    }

    /// vulkan, metal, dx12 or gl.
    pub fn name(self) -> &'static str {
        self.backend().to_str()
    }

    fn backend(self) -> Backend {
        match self {
            GraphicsApi::Vulkan => Backend::Vulkan,
            GraphicsApi::Metal => Backend::Metal,
            GraphicsApi::Dx12 => Backend::Dx12,
            GraphicsApi::Gl => Backend::Gl,
        }
    }
}

impl Adapter {
    /// The device's name.
    pub fn name(&self) -> String {
        self.raw.get_info().name
    }

    /// The graphics API: vulkan, metal, dx12 or gl.
    pub fn backend(&self) -> &'static str {
        self.raw.get_info().backend.to_str()
    }

    /// discrete, integrated, virtual, software or other.
    pub fn kind(&self) -> &'static str {
        match self.raw.get_info().device_type {
            DeviceType::DiscreteGpu => "discrete",
            DeviceType::IntegratedGpu => "integrated",
            DeviceType::VirtualGpu => "virtual",
            DeviceType::Cpu => "software",
            DeviceType::Other => "other",
        }
    }

    /// The driver and its version.
    pub fn driver(&self) -> String {
        let info = self.raw.get_info();
        [info.driver, info.driver_info].join(" ").trim().to_owned()
    }

    /// Whether it runs on the processor.
    pub fn is_software(&self) -> bool {
        let info = self.raw.get_info();
        let name = info.name.to_lowercase();
        info.device_type == DeviceType::Cpu
            || ["llvmpipe", "softpipe", "swrast", "swiftshader"].iter().any(|word| name.contains(word))
    }

    /// The fewest and the most lanes of a subgroup; none where shaders have no subgroups.
    pub fn subgroups(&self) -> Option<(u32, u32)> {
        let info = self.raw.get_info();
        let has = self.raw.features().contains(wgpu::Features::SUBGROUP);
        has.then_some((info.subgroup_min_size, info.subgroup_max_size))
    }

    /// Bytes of the largest slice that a kernel may see, at most.
    pub fn max_binding(&self) -> u64 {
        self.raw.limits().max_storage_buffer_binding_size
    }

    /// Whether workgroups may be as large as WebGPU guarantees: 256 invocations, 16 KiB of memory and
    /// 8 buffers. (GL on phones offers less.)
    pub fn has_default_workgroups(&self) -> bool {
        let (have, defaults) = (self.raw.limits(), wgpu::Limits::defaults());
        have.max_compute_invocations_per_workgroup >= defaults.max_compute_invocations_per_workgroup
            && have.max_compute_workgroup_size_x >= defaults.max_compute_workgroup_size_x
            && have.max_compute_workgroup_storage_size >= defaults.max_compute_workgroup_storage_size
            && have.max_storage_buffers_per_shader_stage >= defaults.max_storage_buffers_per_shader_stage
    }

    /// Limits and features that matter to a run, by name.
    pub fn traits(&self) -> Vec<(&'static str, String)> {
        let (limits, features) = (self.raw.limits(), self.raw.features());
        let yes = |feature| if features.contains(feature) { "yes" } else { "no" }.to_owned();
        vec![
            ("max storage binding", mebibytes(limits.max_storage_buffer_binding_size)),
            ("max buffer", mebibytes(limits.max_buffer_size)),
            ("storage buffers a stage", limits.max_storage_buffers_per_shader_stage.to_string()),
            ("invocations a workgroup", limits.max_compute_invocations_per_workgroup.to_string()),
            ("workgroup memory", format!("{} KiB", limits.max_compute_workgroup_storage_size / 1024)),
            (
                "subgroups",
                self.subgroups().map_or("no".into(), |(least, most)| format!("{least} to {most} lanes")),
            ),
            ("timestamps", yes(wgpu::Features::TIMESTAMP_QUERY)),
            ("f16", yes(wgpu::Features::SHADER_F16)),
        ]
    }

    /// Smaller is better.
    fn rank(&self) -> (usize, usize) {
        let kind = match self.raw.get_info().device_type {
            _ if self.is_software() => 4,
            DeviceType::DiscreteGpu => 0,
            DeviceType::IntegratedGpu => 1,
            DeviceType::VirtualGpu => 2,
            DeviceType::Other | DeviceType::Cpu => 3,
        };
        (kind, usize::from(self.raw.get_info().backend == Backend::Gl))
    }
}

impl std::fmt::Display for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {})", self.name(), self.backend(), self.kind())
    }
}

/// All adapters of all back ends, best first. They are looked for once: EGL does not bear two
/// threads that look at the same time.
pub fn adapters() -> &'static [Adapter] {
    static ADAPTERS: OnceLock<Vec<Adapter>> = OnceLock::new();
    ADAPTERS.get_or_init(|| {
        let raw = wait_for(instance().enumerate_adapters(Backends::all()));
        let mut list: Vec<_> = raw.into_iter().map(|raw| Adapter { index: 0, raw }).collect();
        list.sort_by_cached_key(Adapter::rank);
        for (index, adapter) in list.iter_mut().enumerate() {
            adapter.index = index;
        }
        list
    })
}

/// The adapter that is wanted, among the `apis` asked for (none: all of them).
///
/// A software GL adapter is taken only where GL or its number is asked for.
///
/// # Errors
/// [`DeviceError::NoAdapter`] with what was tried and what there is.
pub fn choose(wanted: &Wanted, apis: &[GraphicsApi]) -> Result<Adapter, DeviceError> {
    let list = adapters();
    let allowed = |adapter: &&Adapter| {
        let backend = adapter.raw.get_info().backend;
        let asked = apis.iter().any(|api| api.backend() == backend);
        asked || (apis.is_empty() && !(backend == Backend::Gl && adapter.is_software()))
    };
    let found = match wanted {
        Wanted::Best => list.iter().find(allowed),
        Wanted::Index(index) => list.get(*index),
        Wanted::Name(part) => {
            let part = part.to_lowercase();
            list.iter().filter(allowed).find(|adapter| adapter.name().to_lowercase().contains(&part))
        }
    };
    found.cloned().ok_or_else(|| DeviceError::NoAdapter {
        wanted: describe(wanted, apis),
        found: if list.is_empty() { tried(apis) } else { listed(list, apis) },
    })
}

/// That there is no adapter at all, in wgpu's words on every back end.
pub fn no_adapter() -> DeviceError {
    DeviceError::NoAdapter { wanted: describe(&Wanted::Best, &[]), found: tried(&[]) }
}

fn describe(wanted: &Wanted, apis: &[GraphicsApi]) -> String {
    let what = match wanted {
        Wanted::Best => "no GPU adapter".to_owned(),
        Wanted::Index(index) => format!("no GPU adapter has number {index}"),
        Wanted::Name(part) => format!("no GPU adapter has `{part}` in its name"),
    };
    match apis {
        [] => what,
        _ if matches!(wanted, Wanted::Index(_)) => what,
        _ => {
            let names: Vec<_> = apis.iter().map(|api| api.backend().to_str()).collect();
            format!("{what} on {}", names.join(", "))
        }
    }
}

fn listed(list: &[Adapter], apis: &[GraphicsApi]) -> String {
    let names: Vec<_> = list.iter().map(|adapter| format!("{}: {adapter}", adapter.index)).collect();
    let looked: Vec<_> = match apis {
        [] => GraphicsApi::ALL.iter().map(|api| api.name()).collect(),
        _ => apis.iter().map(|api| api.name()).collect(),
    };
    let note = "a software GL adapter is taken only if GL or its number is asked for";
    format!("looked on {}; this machine has only {} ({note})", looked.join(", "), names.join("; "))
}

/// wgpu's own words on every back end that was looked at.
fn tried(apis: &[GraphicsApi]) -> String {
    let mut description = wgpu::InstanceDescriptor::new_without_display_handle();
    if !apis.is_empty() {
        description.backends = apis.iter().map(|api| Backends::from(api.backend())).collect();
    }
    let instance = wgpu::Instance::new(description);
    match wait_for(instance.request_adapter(&wgpu::RequestAdapterOptions::default())) {
        Ok(_) => "an adapter appeared on a second look; try again".into(),
        Err(error) => error.to_string(),
    }
}

/// The one instance, never dropped: software Mesa may crash in its exit handlers otherwise.
fn instance() -> &'static wgpu::Instance {
    static INSTANCE: OnceLock<wgpu::Instance> = OnceLock::new();
    INSTANCE.get_or_init(|| wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle()))
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
