//! Plans on the adapter of this machine: compiled twice, refused, and read back. Without an adapter these fail.

use std::{sync::Arc, thread};

use super::*;
use shadegrad::{
    data::Dataset,
    gpu::{Command, DeviceError, Element},
    net::Init,
    plan::{Buffers, PlanError, Program, choose},
    reference::{forward, scale_pixels},
    train::{Engine, GpuEngine, Prepared, TrainError},
};

use device::{device, sound};

/// A small training on the suite's adapter, and what it was made from.
fn engine(data: &Dataset, hidden: &[usize], recipe: &Recipe) -> (GpuEngine, PlanRequest) {
    let (device, shaders) = (device(), shaders());
    let shape = Shape::new(data.train.inputs, hidden, data.classes).unwrap();
    let profile = DeviceProfile::of(device.adapter());
    let request = PlanRequest::new(&shape, data.lengths(), (data.rows, data.cols), recipe, profile);
    let start = Init::Uniform.parameters(&shape, 3);
    let engine = || -> Result<GpuEngine, TrainError> {
        let plan = choose(None, &request, &shaders)?;
        Prepared::on(device, &shaders, &request, plan)?.start(&shaders, data, &start)
    };
    (engine().unwrap_or_else(|error| panic!("{error}")), request)
}

/// More images than a binding and a buffer of the guaranteed sizes hold.
#[test]
fn a_device_that_was_opened_for_less_is_refused_with_that_word() {
    let device = device();
    let recipe = Recipe { batch: Some(100), ..plain() };
    let request = request(784, &[10], 697_932, &recipe, DeviceProfile::of(device.adapter()));
    let plan = layerwise(&request, &shaders()).unwrap();
    let Err(error) = Prepared::on(device, &shaders(), &request, plan) else {
        panic!("547 MB pass for what WebGPU guarantees");
    };
    for part in ["the open device on ", "maxStorageBufferBindingSize", "547178688"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

/// Each asks for its own work while the others' begins and ends.
#[test]
fn several_threads_share_a_device() {
    let device = sound(&mut None);
    let numbers = device.upload("numbers", Element::U32, &[7; 256]).unwrap_or_else(|error| panic!("{error}"));
    let asks = || -> Result<(), DeviceError> {
        for _ in 0..500 {
            let submission = device.submit(&[Command::Clear(numbers.all())], 1);
            while !device.is_done(&submission)? {}
        }
        Ok(())
    };
    thread::scope(|threads| {
        for thread in [(); 4].map(|()| threads.spawn(asks)) {
            thread.join().expect("no panic").unwrap_or_else(|error| panic!("{error}"));
        }
    });
}

/// One test's fault is not the next one's.
#[test]
fn a_device_with_a_fault_is_not_given_again() {
    let mut shared = None;
    let first = sound(&mut shared);
    assert!(Arc::ptr_eq(&first, &sound(&mut shared)));
    let buffer = first.zeros("small", Element::F32, 4).unwrap_or_else(|error| panic!("{error}"));
    first.write(&buffer.all(), &[0; 1024]);
    let error = first.check().expect_err("a write beyond the buffer passes");
    assert!(matches!(error, DeviceError::Refused { .. }), "{error}");
    let second = sound(&mut shared);
    assert!(!Arc::ptr_eq(&first, &second) && second.check().is_ok() && first.check().is_err());
}

fn iterate(engine: &mut GpuEngine, count: usize) {
    let mut done = 0;
    while done < count {
        done += engine.iterate(count - done).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn a_second_program_over_the_same_buffers_trains_on_to_the_same_bits() {
    let data = common::dataset(7, 5, 613, 101);
    let batches = Recipe { batch: Some(100), optimizer: Optimizer::Adam, ..Recipe::gradient_descent(0.01) };
    for (hidden, recipe) in [(&[5][..], plain()), (&[12, 8], plain()), (&[5], batches)] {
        let (mut once, _) = engine(&data, hidden, &recipe);
        iterate(&mut once, 9);
        let (mut twice, _) = engine(&data, hidden, &recipe);
        iterate(&mut twice, 4);
        let second = Program::compile(twice.device(), twice.plan(), &shaders(), twice.buffers());
        twice.replace(second.unwrap_or_else(|error| panic!("{error}")));
        iterate(&mut twice, 5);
        assert_eq!(once.parameters().unwrap(), twice.parameters().unwrap(), "{hidden:?}");
    }
}

#[test]
fn a_program_that_needs_other_buffers_is_refused_with_that_word() {
    let data = common::dataset(7, 5, 613, 101);
    let (engine, request) = engine(&data, &[12, 8], &plain());
    let other = PlanRequest { chunk: request.chunk / 2, ..request };
    let plan = layerwise(&other, &shaders()).unwrap();
    let Err(error) = Program::compile(engine.device(), &plan, &shaders(), engine.buffers()) else {
        panic!("half of the rows pass as all of them");
    };
    assert!(matches!(error, PlanError::OtherBuffers { .. }), "{error}");
    for part in ["other buffers", "z of layer 0"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn the_logits_of_a_prediction_are_the_twins() {
    let data = common::dataset(7, 5, 20, 101);
    let device = device();
    let shape = Shape::new(35, &[12, 8], 10).unwrap();
    let profile = DeviceProfile::of(device.adapter());
    let request = PlanRequest::new(&shape, data.lengths(), (7, 5), &plain(), profile);
    let request = PlanRequest { chunk: ALIGN, ..request }; // two chunks
    let plan = layerwise(&request, &shaders()).unwrap().keep(|pass| pass == PassId::Predict);
    let parameters = Init::Uniform.parameters(&shape, 3);
    let run = || -> Result<Vec<f32>, PlanError> {
        device.meets(&plan.needs(&shaders())?)?;
        let buffers = Buffers::allocate(&device, &plan, &data, &parameters)?;
        let program = Program::compile(&device, &plan, &shaders(), &buffers)?;
        device.submit(program.pass(PassId::Predict), 1);
        let bytes = device.read(&[buffers.slice(plan.logits)])?;
        Ok(bytes[0].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    };
    let found = run().unwrap_or_else(|error| panic!("{error}"));
    let x = scale_pixels(data.test.matrix());
    let expected = forward(&parameters.map(f64::from), x, Activation::Relu);
    assert_eq!(found.len(), 101 * 12, "10 classes, padded");
    for ((row, class), expected) in expected.logits().indexed_iter() {
        let difference = (f64::from(found[12 * row + class]) - expected).abs();
        assert!(difference <= 1e-5, "sample {row}, class {class}: off by {difference}");
    }
    assert_eq!(plan.buffers[plan.logits.buffer.0].element, Element::F32);
}
