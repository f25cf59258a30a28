//! From a plan to an engine: a device is opened, kernels are compiled, then samples are uploaded.

use super::{GpuEngine, TrainError};
use crate::{
    data::Dataset,
    gpu::{Adapter, Device},
    kernels::Shaders,
    net::Parameters,
    plan::{Buffers, PassId, Plan, PlanKind, PlanRequest, Program, choose},
};

/// A device with all kernels of a plan compiled. No samples are needed for that, so they can be read
/// meanwhile.
pub struct Prepared {
    device: Device,
    plan: Plan,
    request: PlanRequest,
}

impl Prepared {
    /// Opens `adapter` for what `plan` needs, and compiles the kernels.
    ///
    /// # Errors
    /// [`TrainError`] if the adapter is too small or cannot be opened, or a kernel is refused.
    pub fn new(
        adapter: &Adapter,
        shaders: &Shaders,
        request: &PlanRequest,
        plan: Plan,
    ) -> Result<Self, TrainError> {
        let plan = plan.keep(|pass| pass != PassId::Predict);
        let device = Device::open(adapter, &plan.check(adapter, shaders)?)?;
        plan.compile_kernels(&device, shaders)?;
        Ok(Prepared { device, plan, request: request.clone() })
    }

    /// What will be computed.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What will compute.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Uploads samples and parameters. The driver is ready for the iterations then.
    ///
    /// # Errors
    /// [`TrainError`] if memory runs out, or a kernel does not fit.
    pub fn start(
        self,
        shaders: &Shaders,
        data: &Dataset,
        parameters: &Parameters,
    ) -> Result<GpuEngine, TrainError> {
        let Prepared { device, plan, request } = self;
        let buffers = Buffers::allocate(&device, &plan, data, parameters)?;
        let program = Program::compile(&device, &plan, shaders, &buffers)?;
        Ok(GpuEngine::new(device, plan, buffers, program, request))
    }
}

impl GpuEngine {
    /// What trains on `data` from `parameters`, by the plan that is `wanted` or that follows from the
    /// request.
    ///
    /// # Errors
    /// As [`choose`], [`Prepared::new`] and [`Prepared::start`].
    pub fn open(
        adapter: &Adapter,
        shaders: &Shaders,
        request: &PlanRequest,
        wanted: Option<PlanKind>,
        data: &Dataset,
        parameters: &Parameters,
    ) -> Result<Self, TrainError> {
        let plan = choose(wanted, request, shaders)?;
        Prepared::new(adapter, shaders, request, plan)?.start(shaders, data, parameters)
    }
}
