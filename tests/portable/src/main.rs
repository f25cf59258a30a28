//! `portable FROM TO`: every .wgsl file of a folder as the languages of the other graphics APIs, each in a
//! folder of `TO`. Ends with status 1 if a file cannot be read or written, and says which.
#![forbid(unsafe_code)]

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use naga::{
    Module, ShaderStage,
    back::{self, PipelineConstants, pipeline_constants::process_overrides},
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};

const ENTRY_POINT: &str = "main";

/// A text in a target language, or why it cannot be written.
type Written = Result<Vec<u8>, Box<dyn Error>>;
/// Writes a module for its entry point.
type Writer = fn(&Module, &ModuleInfo) -> Written;

/// Folders of the output, the ending of their files, and who writes them.
const TARGETS: [(&str, &str, Writer); 4] =
    [("spirv", "spv", spirv), ("msl", "metal", msl), ("hlsl", "hlsl", hlsl), ("glsl", "comp", glsl)];

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = &arguments[..] else {
        eprintln!("usage: portable FROM TO");
        return ExitCode::from(2);
    };
    match translate_all(from, to) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("{failed} texts could not be written");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Translates a folder; returns how many texts could not be written.
fn translate_all(from: &Path, to: &Path) -> Result<usize, Box<dyn Error>> {
    let mut failed = 0;
    for (folder, ..) in TARGETS {
        fs::create_dir_all(to.join(folder))?;
    }
    for item in fs::read_dir(from)? {
        let path = item?.path();
        if path.extension().is_none_or(|extension| extension != "wgsl") {
            continue;
        }
        let (module, info) = parsed(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        for (folder, ending, writer) in TARGETS {
            match writer(&module, &info) {
                Ok(bytes) => fs::write(to.join(folder).join(format!("{name}.{ending}")), bytes)?,
                Err(error) => {
                    eprintln!("{name} as {folder}: {error}");
                    failed += 1;
                }
            }
        }
    }
    Ok(failed)
}

/// A module with a value for each override. naga knows subgroups without being asked for them.
fn parsed(path: &Path) -> Result<(Module, ModuleInfo), Box<dyn Error>> {
    let text = fs::read_to_string(path)?.replace("enable subgroups;", "");
    let module = naga::front::wgsl::parse_str(&text).map_err(|error| error.emit_to_string(&text))?;
    let capabilities = Capabilities::default() | Capabilities::SUBGROUP;
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .map_err(|error| error.emit_to_string(&text))?;
    let open = module.overrides.iter().filter(|(_, value)| value.init.is_none());
    let names = open.filter_map(|(_, value)| value.name.clone());
    let constants: PipelineConstants = names.map(|name| (name.clone(), example(&name))).collect();
    let (module, info) =
        process_overrides(&module, &info, Some((ShaderStage::Compute, ENTRY_POINT)), &constants)?;
    Ok((module.into_owned(), info.into_owned()))
}

/// A value that an override may have: that of the default network, and more splits than one invocation adds up.
fn example(name: &str) -> f64 {
    match name {
        "k" => 784.0,
        "n" => 12.0,
        "splits" => 17.0,
        "samples" => 60_000.0,
        "units" | "classes" => 10.0,
        "batch" => 128.0,
        "picture_rows" | "picture_cols" => 28.0,
        _ => 0.0,
    }
}

/// SPIR-V 1.3, that of Vulkan 1.1.
fn spirv(module: &Module, info: &ModuleInfo) -> Written {
    let options = back::spv::Options { lang_version: (1, 3), ..Default::default() };
    let pipeline =
        back::spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point: ENTRY_POINT.into() };
    let words = back::spv::write_vec(module, info, &options, Some(&pipeline))?;
    Ok(words.into_iter().flat_map(u32::to_le_bytes).collect())
}

/// Metal 2.4.
fn msl(module: &Module, info: &ModuleInfo) -> Written {
    let options =
        back::msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..Default::default() };
    let (text, found) = back::msl::write_string(module, info, &options, &Default::default())?;
    found.entry_point_names.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(text.into_bytes())
}

/// Shader model 6.0, the first one with subgroups.
fn hlsl(module: &Module, info: &ModuleInfo) -> Written {
    let options = back::hlsl::Options { shader_model: back::hlsl::ShaderModel::V6_0, ..Default::default() };
    let (mut text, pipeline) = (String::new(), Default::default());
    let found = back::hlsl::Writer::new(&mut text, &options, &pipeline).write(module, info, None)?;
    found.entry_point_names.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(text.into_bytes())
}

/// GLSL ES 3.1, the first one with compute shaders.
fn glsl(module: &Module, info: &ModuleInfo) -> Written {
    let options = back::glsl::Options { version: back::glsl::Version::new_gles(310), ..Default::default() };
    let pipeline = back::glsl::PipelineOptions {
        shader_stage: ShaderStage::Compute,
        entry_point: ENTRY_POINT.into(),
        multiview: None,
    };
    let mut text = String::new();
    back::glsl::Writer::new(&mut text, module, info, &options, &pipeline, Default::default())?.write()?;
    Ok(text.into_bytes())
}
