//! What holds about the source itself: who may know whom, one op a file, no file that nobody can read in one go.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "tidy/circles.rs"]
mod circles;

use circles::Imports;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every Rust file below `dir`.
fn sources(dir: &str) -> Vec<PathBuf> {
    let (mut found, mut dirs) = (Vec::new(), vec![root().join(dir)]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "nothing found below {dir}");
    found
}

/// Where a crate of ours lies.
fn home(krate: &str) -> String {
    if krate == "ff-kernels" { "kernels".into() } else { format!("crates/{krate}") }
}

/// Our crates that a crate depends on, tests aside.
fn dependencies(krate: &str) -> Vec<String> {
    let manifest = read(format!("{}/Cargo.toml", home(krate)));
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines.filter(|line| line.starts_with("ff-")).map(|l| l.split(['.', ' ']).next().unwrap().into()).collect()
}

#[test]
fn crates_know_only_whom_they_may() {
    for (krate, knows) in [
        ("ff-file", &[][..]),
        ("ff-tensor", &[]),
        ("ff-data", &["ff-file"]),
        ("ff-cpu", &["ff-tensor"]),
        ("ff-kernels", &["ff-tensor"]),
        ("ff-cuda", &["ff-file", "ff-kernels", "ff-tensor"]),
        ("ff-net", &["ff-file", "ff-tensor"]),
        ("ff-yardstick", &["ff-net", "ff-tensor"]),
        ("ff-mpi", &["ff-net", "ff-tensor"]),
        ("ff-report", &["ff-file"]),
        (
            "ff-cli",
            &[
                "ff-cpu",
                "ff-cuda",
                "ff-data",
                "ff-file",
                "ff-mpi",
                "ff-net",
                "ff-report",
                "ff-tensor",
                "ff-yardstick",
            ],
        ),
        ("forward-forward", &["ff-cpu", "ff-cuda", "ff-data", "ff-net", "ff-tensor", "ff-yardstick"]),
    ] {
        assert_eq!(dependencies(krate), knows, "{krate}");
    }
    let crates = fs::read_dir(root().join("crates")).unwrap().count();
    assert_eq!(crates, 11, "a crate that this test does not know");
}

#[test]
fn no_crate_has_a_circle_of_files() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let krate = entry.unwrap().file_name().into_string().unwrap();
        let src = format!("crates/{krate}/src");
        let circles = Imports::of(&root().join(&src), &sources(&src)).circles();
        wrong.extend(circles.values().map(|circle| format!("{krate}: {circle}")));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn reports_are_drawn_from_numbers_and_arguments_know_no_command() {
    let manifest = read("crates/ff-report/Cargo.toml");
    for other in ["ff-net", "ff-cpu", "ff-cuda"] {
        assert!(!manifest.contains(other), "ff-report names {other}: it draws from plain numbers");
    }
    let args = code(&root().join("crates/ff-cli/src/args.rs"));
    for path in ["crate::", "super::"] {
        assert!(!args.contains(path), "args.rs imports a file of ff-cli: it only says what can be typed");
    }
}

#[test]
fn a_file_opens_with_what_it_is_and_ends_before_it_tires() {
    for path in ["crates", "kernels", "tests", "benches"].iter().flat_map(|dir| sources(dir)) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not say what it is", path.display());
        // A device is one flat list of all ops.
        let most = match path.starts_with(root().join("crates")) {
            true if path.ends_with("src/device.rs") => 500,
            true => 400,
            false => 700,
        };
        let lines = text.lines().count();
        assert!(lines <= most, "{} has {lines} lines, more than {most}", path.display());
        assert!(
            !path.file_name().unwrap().to_str().unwrap().contains("util"),
            "{} is called after nothing",
            path.display()
        );
    }
}

/// The ops of the device trait: the struct's name and the method's.
fn ops() -> Vec<(String, String)> {
    let text = read("crates/ff-tensor/src/on.rs");
    let list = text.split("\nruns! {\n").nth(1).unwrap().split("\n}").next().unwrap();
    let ops = list.split(',').filter_map(|pair| pair.trim().split_once(" => "));
    ops.map(|(op, method)| (op.to_string(), method.to_string())).collect()
}

#[test]
fn every_op_of_the_trait_has_a_function_of_its_name_and_is_tested() {
    let files: Vec<PathBuf> = sources("crates/ff-cpu/src");
    let all: String = files
        .iter()
        .filter(|path| !path.ends_with("device.rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let tests: String =
        sources("tests/devices").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let kernels: String = kernels().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let ops = ops();
    assert!(ops.len() >= 20, "{ops:?}");
    for (op, method) in ops {
        // The clock is two numbers: its op needs no file. The units have two ways, forth and back.
        let function = method.trim_start_matches("units_");
        assert!(
            method == "advance" || all.contains(&format!("pub(crate) fn {function}(")),
            "no `{function}`"
        );
        assert!(tests.contains(&format!("{op} {{")), "`{op}` is not in tests/devices");
        let mut declared = kernels.split("\nextern \"C\" __global__ void __launch_bounds__(").skip(1);
        // The C library has a `select` too.
        let kernel = if method == "select" { "select_rows(" } else { &format!("{method}(") };
        let found =
            declared.any(|text| text.split_once(") ").is_some_and(|(_, rest)| rest.starts_with(kernel)));
        assert!(found, "there is no kernel `{method}` in kernels/");
    }
}

/// Every kernel's file.
fn kernels() -> Vec<PathBuf> {
    let files = fs::read_dir(root().join("kernels")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "cu")).collect()
}

#[test]
fn a_kernel_names_its_twin_and_needs_no_header() {
    for path in kernels() {
        let (text, name) = (fs::read_to_string(&path).unwrap(), path.file_stem().unwrap().to_str().unwrap());
        let first = text.lines().next().unwrap();
        let twin =
            first.split_once("crates/").and_then(|(_, rest)| rest.split_once(".rs")).map(|(twin, _)| twin);
        let twin = twin.unwrap_or_else(|| panic!("{name}.cu does not name its twin"));
        assert!(first.starts_with("// The twin of "), "{name}.cu");
        assert!(root().join(format!("crates/{twin}.rs")).exists(), "{name}.cu has no twin");
        assert!(text.contains("\n// Launch"), "{name}.cu does not say how it is launched");
        assert!(!text.contains("#include"), "{name}.cu includes a header");
        assert!(text.lines().count() <= 250, "{name}.cu is too long");
        let listed = read("kernels/lib.rs").contains(&format!("\"{name}.cu\""));
        assert!(listed, "{name}.cu is not in ff-kernels' list");
    }
}

#[test]
fn the_engine_does_not_know_how_large_an_image_is() {
    for krate in ["ff-tensor", "ff-cpu", "ff-cuda", "ff-net"] {
        for path in sources(&format!("crates/{krate}/src")) {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                assert!(!line.contains("784"), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn the_readme_knows_every_crate_and_preset() {
    let readme = read("README.md");
    for krate in [
        "ff-tensor",
        "ff-cpu",
        "ff-net",
        "ff-data",
        "ff-file",
        "ff-report",
        "ff-yardstick",
        "ff-mpi",
        "ff-cli",
        "ff-cuda",
        "ff-kernels",
        "forward-forward",
    ] {
        assert!(readme.contains(krate), "README.md does not mention {krate}");
    }
    for preset in fs::read_dir(root().join("crates/ff-cli/presets")).unwrap() {
        let name = preset.unwrap().path().file_stem().unwrap().to_str().unwrap().to_string();
        assert!(readme.contains(&format!("`{name}`")), "README.md does not mention the preset {name}");
    }
}

/// The recipe shows lines of the example, and the example is trained by `tests/own.rs`.
#[test]
fn the_readmes_recipe_for_a_neuron_is_the_example() {
    let readme = read("README.md");
    let recipe = readme.split("### To add a neuron").nth(1).unwrap().split("\n### ").next().unwrap();
    let example = read("crates/forward-forward/examples/03-new-neuron.rs");
    let shown: Vec<&str> =
        recipe.split("```rust,ignore\n").skip(1).map(|b| b.split("```").next().unwrap()).collect();
    assert_eq!(shown.len(), 2, "the recipe shows the neuron, and how a network gets it");
    for line in shown.iter().flat_map(|block| block.lines()).map(str::trim).filter(|line| *line != "// ...") {
        assert!(example.contains(line), "README.md shows a line that the example does not have: {line}");
    }
}

/// Code, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn unsafe_stands_only_where_the_readme_says() {
    let readme = read("README.md");
    let said = readme.split("- No `unsafe` but").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut named: Vec<&str> = said.split('`').filter(|word| word.ends_with(".rs")).collect();
    named.sort_unstable();
    let with = sources("crates").into_iter().filter(|path| code(path).contains("unsafe "));
    let mut found: Vec<String> =
        with.map(|path| path.file_name().unwrap().to_str().unwrap().to_string()).collect();
    found.sort_unstable();
    assert_eq!(found, named, "README.md names other files");
    for (krate, file) in [
        ("ff-tensor", "src/lib.rs"),
        ("ff-net", "src/lib.rs"),
        ("ff-data", "src/lib.rs"),
        ("ff-file", "src/lib.rs"),
        ("ff-report", "src/lib.rs"),
        ("ff-mpi", "src/lib.rs"),
        ("ff-cli", "src/main.rs"),
        ("ff-kernels", "lib.rs"),
        ("forward-forward", "src/lib.rs"),
    ] {
        let text = read(format!("{}/{file}", home(krate)));
        assert!(text.contains("\n#![forbid(unsafe_code)]\n"), "{krate} allows `unsafe`");
    }
}

/// Every package in Cargo.lock that this machine needs, with its licence and where it came from.
fn packages() -> Vec<serde_json::Value> {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(rustc.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let words = ["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", host];
    let output = Command::new(env!("CARGO")).args(words).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn every_dependency_has_a_licence_of_the_list_and_comes_from_the_registry() {
    let deny: toml::Table = read("deny.toml").parse().unwrap();
    let allowed: Vec<&str> =
        deny["licenses"]["allow"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let packages = packages();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    for package in packages {
        let (name, licence) = (&package["name"], package["license"].as_str().unwrap_or("none"));
        let expression = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX)
            .unwrap_or_else(|e| panic!("{name}: {licence}: {e}"));
        let may = expression.evaluate(|wanted| allowed.contains(&wanted.license.to_string().as_str()));
        assert!(may, "{name} is under {licence}, of which deny.toml allows too little");
        let source = package["source"].as_str().unwrap_or("a path");
        let registry = source.starts_with("registry+") && source.ends_with("crates.io-index");
        assert!(registry || source == "a path", "{name} comes from {source}");
    }
}
