//! From a plan to an engine: a device is opened, then kernels are compiled while samples are uploaded.

use std::sync::Arc;

use super::{GpuEngine, TrainError};
use crate::{
    data::Dataset,
    gpu::{Adapter, Device},
    kernels::Shaders,
    net::Parameters,
    plan::{Buffers, PassId, Plan, PlanKind, PlanRequest, Program, choose},
};

/// A device opened for a plan whose shaders are valid. No samples are needed for that, so they can be read
/// meanwhile.
pub struct Prepared {
    device: Arc<Device>,
    plan: Plan,
    request: PlanRequest,
}

impl Prepared {
    /// Opens `adapter` for what `plan` needs.
    ///
    /// # Errors
    /// [`TrainError`] if a shader is not valid, or the adapter is too small or cannot be opened.
    pub fn new(
        adapter: &Adapter,
        shaders: &Shaders,
        request: &PlanRequest,
        plan: Plan,
    ) -> Result<Self, TrainError> {
        let plan = trained(plan);
        let device = Device::open(adapter, &plan.check(adapter, shaders)?)?;
        Ok(Prepared { device: device.into(), plan, request: request.clone() })
    }

    /// Takes a device that is open: trainings that share one share what it has compiled.
    ///
    /// # Errors
    /// [`TrainError`] if a shader is not valid, or the device was opened for less than `plan` needs.
    pub fn on(
        device: Arc<Device>,
        shaders: &Shaders,
        request: &PlanRequest,
        plan: Plan,
    ) -> Result<Self, TrainError> {
        let plan = trained(plan);
        device.meets(&plan.check(device.adapter(), shaders)?)?;
        Ok(Prepared { device, plan, request: request.clone() })
    }

    /// What will be computed.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Compiles the kernels and, meanwhile, uploads samples and parameters. The driver is ready for the iterations
    /// then.
    ///
    /// # Errors
    /// [`TrainError`] if a kernel is refused or does not fit, or memory runs out.
    pub fn start(
        self,
        shaders: &Shaders,
        data: &Dataset,
        parameters: &Parameters,
    ) -> Result<GpuEngine, TrainError> {
        let Prepared { device, plan, request } = self;
        let (compiled, buffers) = rayon::join(
            || plan.compile_kernels(&device, shaders),
            || Buffers::allocate(&device, &plan, data, parameters),
        );
        compiled?;
        let buffers = buffers?;
        let program = Program::compile(&device, &plan, shaders, &buffers)?;
        Ok(GpuEngine::new(device, plan, buffers, program, request))
    }
}

/// What a training runs of a plan.
fn trained(plan: Plan) -> Plan {
    plan.keep(|pass| pass != PassId::Predict)
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
