// SPDX-License-Identifier: MPL-2.0
//! How the sources depend on each other: crates one way only, modules in no circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Each crate, and what it must not depend on.
const CRATES: [(&str, &[&str]); 6] = [
    (
        "toolkit",
        &[
            "forms", "rules", "country", "handlers", "tokio", "sqlx", "reqwest", "poem",
        ],
    ),
    (
        "forms",
        &[
            "rules", "country", "handlers", "tokio", "sqlx", "reqwest", "poem",
        ],
    ),
    (
        "rules",
        &[
            "forms", "country", "handlers", "tokio", "sqlx", "reqwest", "poem",
        ],
    ),
    ("country", &["handlers", "tokio", "sqlx", "reqwest", "poem"]),
    ("handlers", &["forms", "poem"]),
    (".", &[]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn crates_depend_one_way() {
    for (name, forbidden) in CRATES {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let mut is_asked = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                is_asked = line.ends_with("dependencies]") && !line.contains("dev-");
            }
            let dependency = line.split(['.', ' ', '=']).next().unwrap();
            assert!(
                !is_asked || !forbidden.contains(&dependency),
                "{name}/Cargo.toml: `{dependency}` is not for this crate"
            );
        }
    }
}

#[test]
fn modules_depend_in_no_circle() {
    let circles: Vec<_> = CRATES
        .iter()
        .flat_map(|(name, _)| circles(&root().join(name).join("src")))
        .collect();
    assert_eq!(circles, Vec::<String>::new());
}

/// A module: the names below the crate.
type Module = Vec<String>;

/// The circles among the modules of one folder, and of each folder below. What a module and its own
/// submodules take from each other is no circle.
fn circles(folder: &Path) -> Vec<String> {
    let mut modules = BTreeMap::new();
    read(folder, &mut Vec::new(), &mut modules);
    let mut needs: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, text) in &modules {
        for path in paths(module, text) {
            let known = (1..=path.len()).rev().map(|n| path[..n].to_vec());
            let Some(other) = known.into_iter().find(|path| modules.contains_key(path)) else {
                continue;
            };
            let common = module
                .iter()
                .zip(&other)
                .take_while(|(a, b)| a == b)
                .count();
            if common < module.len() && common < other.len() {
                let (from, to) = (&module[..=common], &other[..=common]);
                needs.entry(from.to_vec()).or_default().insert(to.to_vec());
            }
        }
    }
    let circle = |module: &Module| {
        let way = way_back(module, &needs)?;
        let names: Vec<_> = way.iter().map(|module| module.join("::")).collect();
        // Each circle once: from its first module.
        (way.iter().min() == Some(module)).then(|| names.join(" -> "))
    };
    needs.keys().filter_map(circle).collect()
}

/// The shortest way from a module over others back to it.
fn way_back(start: &Module, needs: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![start.clone()]];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in needs.get(way.last().unwrap()).into_iter().flatten() {
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push([way.clone(), vec![next.clone()]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

/// The sources below a folder without tests and comments.
fn read(folder: &Path, above: &mut Module, modules: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "tests" {
            continue;
        }
        above.push(name);
        if path.is_dir() {
            read(&path, above, modules);
        } else if path.extension().is_some_and(|kind| kind == "rs")
            && !(above.len() == 1 && ["lib", "main"].contains(&above[0].as_str()))
        {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code = text.lines().map(|line| line.split("//").next().unwrap());
            modules.insert(above.clone(), code.collect::<Vec<_>>().join("\n"));
        }
        above.pop();
    }
}

/// The paths in a module's text that begin with `crate` or `super`, from the crate's root.
fn paths(module: &Module, text: &str) -> Vec<Module> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for word in ["crate::", "super::"] {
        for (at, _) in text.match_indices(word) {
            // `super::super::` is read from its first word.
            if text[..at].ends_with(is_part) || text[..at].ends_with("::") {
                continue;
            }
            let mut rest = &text[at..];
            let mut base = if word == "crate::" {
                Module::new()
            } else {
                module.clone()
            };
            while let Some(after) = rest.strip_prefix("super::") {
                base.pop();
                rest = after;
            }
            rest = rest.strip_prefix("crate::").unwrap_or(rest);
            branches(&mut rest, base, &mut found);
        }
    }
    found
}

/// Reads `a::{b, c::d}` from the start of a text: the paths in it below a base.
fn branches(rest: &mut &str, mut base: Module, found: &mut Vec<Module>) {
    loop {
        *rest = rest.trim_start();
        if let Some(inside) = rest.strip_prefix('{') {
            *rest = inside;
            while !rest.trim_start().starts_with('}') && !rest.is_empty() {
                branches(rest, base.clone(), found);
                let end = rest.find([',', '}']).unwrap_or(rest.len());
                *rest = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]);
            }
            *rest = rest.trim_start().strip_prefix('}').unwrap_or_default();
            return;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        if word.is_empty() {
            return;
        }
        if word != "self" {
            base.push(word.to_owned());
        }
        *rest = after;
        let Some(below) = after.strip_prefix("::") else {
            found.push(base);
            return;
        };
        *rest = below;
    }
}

#[test]
fn circles_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("a.rs", "mod inner;\nuse crate::{b::{self, B}, c::C};\n");
    write("a/inner.rs", "use super::A;\nuse super::super::b::B;\n");
    write("b.rs", "// crate::a is only told of\nuse std::fmt;\n");
    write(
        "c.rs",
        "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n",
    );
    assert_eq!(circles(folder.path()), Vec::<String>::new());
    write("c.rs", "use std::fmt;\nfn f() -> crate::d::D {}\n");
    write(
        "d.rs",
        "use crate::b::{\n    B,\n};\nuse super::a::inner::{I as J};\n",
    );
    assert_eq!(circles(folder.path()), ["a -> c -> d"]);
}
