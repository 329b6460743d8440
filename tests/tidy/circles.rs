//! Which files of a crate import each other in a circle, read from the paths in their text.
//!
//! A file is a module. It imports another one where it names it: `crate::a`, `super::a`, or `a::x` for a file `a` below it.
//! Two things are no imports: `mod a;`, as a house does not depend on its rooms, and `pub use a::X;`, which only says that
//! whoever names `X` here means the file `a`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module's name in its parts, without `crate`: `["plot", "axis"]`. The root has none.
type Module = Vec<String>;

/// A crate's files, and who imports whom.
pub struct Imports {
    modules: BTreeMap<Module, String>,
    /// What `pub use` says: by module and name, the path that is meant.
    names: BTreeMap<(Module, String), Module>,
    edges: BTreeMap<Module, BTreeSet<Module>>,
}

impl Imports {
    /// Of these files below `src`.
    pub fn of(src: &Path, files: &[PathBuf]) -> Self {
        let modules = files.iter().map(|file| (module(src, file), code(file))).collect();
        let mut imports = Self { modules, names: BTreeMap::new(), edges: BTreeMap::new() };
        let texts = imports.modules.clone();
        for (module, text) in &texts {
            for path in imports.paths(module, &divided(text).1) {
                let Some(name) = path.last().cloned() else { continue };
                imports.names.insert((module.clone(), name), path);
            }
        }
        for (module, text) in &texts {
            let named = imports.paths(module, &divided(text).0).into_iter().map(|path| imports.file_of(path));
            let others = named.filter(|other| other != module).collect();
            imports.edges.insert(module.clone(), others);
        }
        imports
    }

    /// Each file that stands in a circle, with the shortest circle through it: `a -> b -> a`.
    pub fn circles(&self) -> BTreeMap<String, String> {
        let circles = self.modules.keys().filter_map(|module| Some((module, self.way_back_to(module)?)));
        let words = |way: Vec<Module>| way.iter().map(shown).collect::<Vec<_>>().join(" -> ");
        circles.map(|(module, way)| (shown(module), words(way))).collect()
    }

    /// From a file along imports to the same file.
    fn way_back_to(&self, start: &Module) -> Option<Vec<Module>> {
        let (mut ways, mut seen) = (vec![vec![start.clone()]], BTreeSet::new());
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                for next in &self.edges[way.last()?] {
                    let way = [&way[..], std::slice::from_ref(next)].concat();
                    if next == start {
                        return Some(way);
                    }
                    if seen.insert(next) {
                        longer.push(way);
                    }
                }
            }
            ways = longer;
        }
        None
    }

    /// All paths into this crate that stand in `text`, a part of `module`; each from the root.
    fn paths(&self, module: &Module, text: &str) -> Vec<Module> {
        let below = self.modules.keys().filter(|m| m.len() == module.len() + 1 && m.starts_with(module));
        let below: Vec<&str> = below.map(|m| m[module.len()].as_str()).collect();
        let mut found = Vec::new();
        for (at, _) in text.match_indices("::") {
            let start = text[..at].rfind(|c: char| !is_word(c)).map_or(0, |before| before + 1);
            let first = &text[start..at];
            let begins = !text[..start].ends_with(':');
            if begins && (["crate", "super", "self"].contains(&first) || below.contains(&first)) {
                read(&text[start..], &[], &mut found);
            }
        }
        found.into_iter().map(|path| from_root(module, &path)).collect()
    }

    /// The file in which stands what the path names.
    fn file_of(&self, mut path: Module) -> Module {
        // Names that are handed on can lead from file to file; the bound ends what leads nowhere.
        for _ in 0..9 {
            let parts = (0..=path.len()).rev().find(|n| self.modules.contains_key(&path[..*n])).unwrap_or(0);
            let name = path.get(parts).map(|name| (path[..parts].to_vec(), name.clone()));
            match name.and_then(|name| self.names.get(&name)) {
                Some(meant) if *meant != path => path = [meant, &path[parts + 1..]].concat(),
                _ => return path[..parts].to_vec(),
            }
        }
        path
    }
}

/// `lib` or `main` for the root, else such as `plot::axis`.
fn shown(module: &Module) -> String {
    if module.is_empty() { "the root".into() } else { module.join("::") }
}

fn module(src: &Path, file: &Path) -> Module {
    let parts = file.strip_prefix(src).unwrap().with_extension("");
    let mut parts: Module = parts.iter().map(|part| part.to_str().unwrap().to_string()).collect();
    if parts.last().is_some_and(|last| last == "mod") || parts == ["lib"] || parts == ["main"] {
        parts.pop();
    }
    parts
}

/// What is compiled for users: no comments, and no tests, which stand at a file's end.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n").replace("$crate", "crate")
}

/// What a file itself says, and what it hands on with `pub use`.
fn divided(text: &str) -> (String, String) {
    let (mut own, mut handed_on) = (String::new(), String::new());
    for statement in text.split_inclusive(';') {
        let starts = ["\npub use ", "\npub(crate) use "].map(|start| statement.rfind(start));
        let (before, after) =
            statement.split_at(starts.into_iter().flatten().max().unwrap_or(statement.len()));
        own += before;
        handed_on += after;
    }
    (own, handed_on)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Reads the path, or the tree of paths, with which `text` begins, such as `a::{b, c::d}`, and returns what follows.
fn read<'a>(text: &'a str, before: &[&'a str], found: &mut Vec<Vec<&'a str>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        while !rest.trim_start().starts_with('}') && !rest.is_empty() {
            rest = read(rest, before, found);
            // Past `as name` and `*`, to the next in the list.
            let end = rest.find([',', '}']).unwrap_or(rest.len());
            rest = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]);
        }
        return rest.trim_start().strip_prefix('}').unwrap_or("");
    }
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let path = [before, &[&text[..end]]].concat();
    match text[end..].strip_prefix("::") {
        Some(rest) if !rest.starts_with('<') => read(rest, &path, found),
        _ => {
            found.push(path);
            &text[end..]
        }
    }
}

/// A path in `module` as one from the root.
fn from_root(module: &Module, path: &[&str]) -> Module {
    let mut whole = module.clone();
    for part in path {
        match *part {
            "crate" => whole.clear(),
            "super" => drop(whole.pop()),
            "self" | "" => {}
            part => whole.push(part.into()),
        }
    }
    whole
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let circles = |files: &[(&str, &str)]| -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = files.iter().map(|(name, _)| dir.path().join(name)).collect();
        for (path, (_, text)) in paths.iter().zip(files) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Imports::of(dir.path(), &paths).circles().into_values().collect()
    };
    let root = ("lib.rs", "//! It.\nmod a;\nmod b;\nmod c;\npub use b::{Of as _, Bee};\n");
    let a = ("a.rs", "use std::{fs, io};\nuse crate::{\n    b::{self, X},\n    c,\n};\n");
    let both = ["a -> b -> a", "b -> a -> b"];
    for b in ["use crate::a::Y;", "fn f() { super::a::g() }", "macro_rules! m { () => { $crate::a::g() } }"] {
        assert_eq!(circles(&[root, a, ("b.rs", b), ("c.rs", "")]), both, "{b}");
    }
    // By a name that the root hands on; and over three files.
    let three = circles(&[
        root,
        ("a.rs", "use crate::Bee;"),
        ("b.rs", "use super::c;"),
        ("c.rs", "use crate::a::Z;"),
    ]);
    assert_eq!(three[0], "a -> b -> c -> a");
    // Between a file and one below it.
    let inner = ("b/inner.rs", "use super::Bee;");
    assert_eq!(circles(&[root, ("b.rs", "mod inner;\nuse inner::f;\nstruct Bee;"), inner]).len(), 2);
    assert_eq!(circles(&[root, ("b.rs", "mod inner;\npub use inner::f;\nstruct Bee;"), inner]).len(), 0);
    // Comments and tests import nothing.
    let quiet = "// use crate::a::Y;\n#[cfg(test)]\nmod tests {\n    use crate::a::Y;\n}\n";
    assert_eq!(circles(&[root, a, ("b.rs", quiet), ("c.rs", "use crate::b::X;")]).len(), 0);
}
