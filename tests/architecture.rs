//! Each room knows only those below it, and the files of a room do not import each other in a circle. Read
//! from the `use` lines, so that a wrong import fails by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The rooms, the lowest first. Those in one row do not know each other, except that the first row is common.
const ROOMS: &[&[&str]] = &[
    &["clock", "compare", "metrics", "paths", "visible"],
    &["whole_file"],
    &["data"],
    &["recipe"],
    &["net"],
    &["reference", "gpu"],
    &["kernels"],
    &["plan"],
    &["model"],
    &["train"],
    &["session"],
    &["bench"],
    &["lab"],
    &["report"],
    &["cli"],
    &["main"],
];
/// `kernels` compares shaders with their twins, so it knows both rooms of the row below.
const CASES: &str = "kernels";

/// The `use` paths of a Rust source outside of its tests, as lists of segments from `crate`.
fn imports(file: &Path, source: &str) -> Vec<Vec<String>> {
    let code = without_tests(source);
    let statements = code.split(';').filter_map(|statement| {
        let start = statement.rfind("use ")?;
        let before = statement[..start].trim_end();
        let is_use =
            before.is_empty() || before.ends_with(['}', '\n', ')', ']', '/']) || ends_in_visibility(before);
        is_use.then(|| statement[start + 4..].trim().to_owned())
    });
    let mut paths: Vec<_> = statements.flat_map(|tree| expand(&tree)).collect();
    // Paths in the middle of code count, too.
    for (at, _) in code.match_indices("crate::") {
        let rest: String =
            code[at..].chars().take_while(|&c| c.is_alphanumeric() || c == '_' || c == ':').collect();
        paths.push(rest);
    }
    let child = |path: &str| code.contains(&format!("mod {};", path.split("::").next().unwrap_or("")));
    let from_here = |path: &String| if child(path) { format!("self::{path}") } else { path.clone() };
    paths.iter().map(from_here).filter_map(|path| resolve(file, &path)).collect()
}

fn ends_in_visibility(before: &str) -> bool {
    ["pub", "pub(crate)", "pub(super)"].iter().any(|visibility| before.ends_with(visibility))
}

/// The source up to its test module, without comments.
fn without_tests(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or("");
    code.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expand(tree: &str) -> Vec<String> {
    let Some(open) = tree.find('{') else {
        return vec![tree.split(" as ").next().unwrap_or("").trim().to_owned()];
    };
    let (prefix, inner) = (&tree[..open], tree[open + 1..].trim_end().trim_end_matches('}'));
    let inner = &tree[open + 1..open + 1 + closing(&tree[open + 1..]).unwrap_or(inner.len())];
    let (mut depth, mut parts, mut start) = (0, Vec::new(), 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let whole =
        |part: &str| expand(part).into_iter().map(|rest| format!("{prefix}{rest}")).collect::<Vec<_>>();
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).flat_map(whole).collect()
}

fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        None
    })
}

/// A path from the crate's root; `None` for one of another crate.
fn resolve(file: &Path, path: &str) -> Option<Vec<String>> {
    let mut segments: Vec<_> = path.split("::").map(|part| part.trim().to_owned()).collect();
    // The binary names the library by its name.
    if segments[0] == "crate" || segments[0] == "shadegrad" {
        return Some(segments.split_off(1));
    }
    let mut module: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into()).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    let mut up = 0;
    while segments.get(up).is_some_and(|segment| segment == "super") {
        module.pop();
        up += 1;
    }
    if up == 0 && segments[0] != "self" {
        return None;
    }
    let rest = segments.split_off(up.max(usize::from(segments[0] == "self")));
    Some(module.into_iter().chain(rest).collect())
}

/// Every source by its path below `src`.
fn sources() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn room(path: &Path) -> String {
    path.with_extension("").iter().next().unwrap().to_string_lossy().into()
}

fn floor(room: &str) -> Option<usize> {
    ROOMS.iter().position(|row| row.contains(&room))
}

/// The room that an import leads to: through the re-exports of lib.rs, if it has any.
fn imported_room(segments: &[String], lib: &str) -> Option<String> {
    let first = segments.first()?;
    if floor(first).is_some() {
        return Some(first.clone());
    }
    let exported = lib.lines().filter(|line| line.trim_start().starts_with("pub use "));
    let exported = exported
        .flat_map(|line| expand(line.trim_start().trim_start_matches("pub use ").trim_end_matches(';')));
    let target = exported.into_iter().find(|path| path.rsplit("::").next() == Some(first))?;
    target.split("::").find(|part| floor(part).is_some()).map(str::to_owned)
}

/// Imports that lead up or across, by name.
fn wrong_imports(sources: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let lib = sources.get(Path::new("lib.rs")).map_or("", String::as_str);
    let mut wrong = Vec::new();
    for (file, source) in sources.iter().filter(|(file, _)| **file != Path::new("lib.rs")) {
        let own = room(file);
        let Some(own_floor) = floor(&own) else {
            wrong.push(format!("{}: no room is called {own}", file.display()));
            continue;
        };
        for import in imports(file, source) {
            let Some(other) = imported_room(&import, lib).filter(|other| *other != own) else { continue };
            if floor(&other).is_some_and(|floor| floor >= own_floor) {
                wrong.push(format!(
                    "{} imports {}: {other} is not below {own}",
                    file.display(),
                    import.join("::")
                ));
            }
        }
    }
    wrong
}

#[test]
fn every_room_knows_only_those_below_it() {
    assert!(floor(CASES) > floor("reference") && floor(CASES) > floor("gpu"));
    let wrong = wrong_imports(&sources());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_sum_of_errors_is_known_to_the_command_line_only() {
    for (file, source) in sources().iter().filter(|(file, _)| !["cli", "main"].contains(&&*room(file))) {
        for import in imports(file, source) {
            assert!(
                import != ["cli", "Error"] && import != ["Error"],
                "{} names the sum of errors",
                file.display()
            );
        }
    }
}

/// The file that a module of a room is in.
fn file_of(sources: &BTreeMap<PathBuf, String>, segments: &[String]) -> Option<PathBuf> {
    (1..=segments.len()).rev().find_map(|len| {
        let path: PathBuf = segments[..len].iter().collect();
        let candidates = [path.with_extension("rs"), path.join("mod.rs")];
        candidates.into_iter().find(|candidate| sources.contains_key(candidate))
    })
}

/// The file that defines what a `mod.rs` re-exports under a name.
fn through_mod(sources: &BTreeMap<PathBuf, String>, file: &Path, segments: &[String]) -> Option<PathBuf> {
    let name = segments.last()?;
    let reexported = imports(file, sources.get(file)?).into_iter().filter(|path| path.last() == Some(name));
    reexported.into_iter().find_map(|path| file_of(sources, &path).filter(|found| found != file))
}

/// A circle of files inside a room, if there is one.
fn circle(sources: &BTreeMap<PathBuf, String>) -> Option<Vec<PathBuf>> {
    let is_mod = |path: &Path| path.file_name().is_some_and(|name| name == "mod.rs");
    let mut arrows: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
    for (file, source) in sources.iter().filter(|(file, _)| !is_mod(file) && **file != Path::new("lib.rs")) {
        for import in imports(file, source).iter().filter(|import| import.first() == Some(&room(file))) {
            let mut target = file_of(sources, import);
            if let Some(module) = target.clone().filter(|target| is_mod(target)) {
                target = through_mod(sources, &module, import);
            }
            if let Some(target) = target.filter(|target| target != file) {
                arrows.entry(file.clone()).or_default().insert(target);
            }
        }
    }
    // Files without arrows to what is left are no part of a circle.
    loop {
        let files: Vec<_> = arrows.keys().cloned().collect();
        let done = files.iter().find(|file| !arrows[*file].iter().any(|to| arrows.contains_key(to)));
        match done {
            Some(file) => arrows.remove(file),
            None => break,
        };
    }
    (!arrows.is_empty()).then(|| arrows.into_keys().collect())
}

#[test]
fn no_files_of_a_room_import_each_other_in_a_circle() {
    assert_eq!(circle(&sources()), None);
}

/// The checks notice what they are for.
#[test]
fn upward_imports_and_circles_are_noticed() {
    let house = |files: &[(&str, &str)]| -> BTreeMap<PathBuf, String> {
        files.iter().map(|(path, source)| (PathBuf::from(path), (*source).to_owned())).collect()
    };
    for (file, source) in [
        ("gpu/kernel.rs", "use crate::kernels::Sizes;"),
        ("gpu/kernel.rs", "use std::io;\n\npub(super) use crate::{data::Split, kernels::{self, Sizes}};"),
        ("gpu/kernel.rs", "fn f() -> crate::plan::Plan {}"),
        ("gpu/kernel.rs", "use super::super::cli::Error;"),
        ("reference/pass.rs", "use crate::gpu::Device;"),
        ("plan/data.rs", "use crate::Trainer;"),
        ("attic/old.rs", ""),
    ] {
        let lib = ("lib.rs", "pub use train::{Report, Trainer};");
        assert!(!wrong_imports(&house(&[lib, (file, source)])).is_empty(), "{source}");
    }
    let fine = "use super::Kernel;\nuse crate::{data::{Split, Samples}, net};\n// use crate::cli::Error;\n\
        #[cfg(test)]\nmod tests {\n use crate::train::train;\n}\n";
    assert!(wrong_imports(&house(&[("kernels/case.rs", fine)])).is_empty());

    let a_mod = ("plan/mod.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;\n");
    let self_mod = ("plan/mod.rs", "mod a;\nmod b;\npub use self::a::A;\npub use self::b::B;\n");
    let (a, b) = (("plan/a.rs", "use super::b::B;"), ("plan/b.rs", "use crate::plan::a::A;"));
    assert!(circle(&house(&[a_mod, a, b])).is_some());
    let through = (("plan/a.rs", "use super::B;"), ("plan/b.rs", "use super::A;"));
    assert!(circle(&house(&[self_mod, through.0, through.1])).is_some());
    assert!(circle(&house(&[a_mod, through.0, through.1])).is_some());
    assert!(circle(&house(&[a_mod, a, ("plan/b.rs", "use crate::data::A;")])).is_none());
}
