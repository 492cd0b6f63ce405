// SPDX-License-Identifier: MPL-2.0
//! The tasks of a contributor: `cargo xtask TASK`. Each runs the commands that it prints.
#![expect(
    clippy::print_stderr,
    reason = "this program talks to a contributor at a terminal"
)]

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};

const HELP: &str = "cargo xtask TASK

  ci        all checks that a change must pass: formatting, lints, documentation, tests, examples
  bless     accept what the program says now: snapshots, openapi/, the settings table in README.md
  fixtures  make the answers of core's own evaluator again, for the tests of conditions (needs Node.js)
  bench     all benchmarks
  fresh     clone the last commit into a temporary folder and run README's two commands there";

type Done = Result<(), String>;

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    let done = match task.as_deref() {
        Some("ci") => ci(),
        Some("bless") => bless(),
        Some("fixtures") => fixtures(),
        Some("bench") => cargo(&["bench", "--workspace", "--locked"]),
        Some("fresh") => fresh(),
        Some("help" | "--help" | "-h") => {
            eprintln!("{HELP}");
            Ok(())
        }
        Some(other) => Err(format!("`{other}` is not a task\n\n{HELP}")),
        None => Err(HELP.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// The order is that of the time they take.
fn ci() -> Done {
    cargo(&["fmt", "--all", "--check"])?;
    let lints = ["clippy", "--workspace", "--all-targets", "--locked"];
    cargo(&[&lints[..], &["--", "-D", "warnings"]].concat())?;
    let docs = ["doc", "--workspace", "--no-deps", "--locked"];
    run(Command::new("cargo")
        .args(docs)
        .env("RUSTDOCFLAGS", "-D warnings"))?;
    // The README's test command.
    cargo(&["test", "--locked"])?;
    // These use the program that the tests have built.
    for script in [
        "docs/check",
        "docs/try-restore",
        "examples/kubernetes/check",
        "examples/monitoring/check",
    ] {
        run(Command::new(python()?).arg(script))?;
    }
    Ok(())
}

fn bless() -> Done {
    let export = |what: &str| {
        let mut command = Command::new("cargo");
        output(command.args(["run", "--quiet", "--locked", "--", "export", what]))
    };
    write("openapi/countryconfig.json", &export("openapi")?)?;
    let readme = read("README.md")?;
    let readme = with_table(&readme, "`NODE_ENV`", export("settings")?.trim_end())?;
    write("README.md", &readme)?;
    run(Command::new("cargo")
        .args(["test", "--locked"])
        .env("INSTA_UPDATE", "always"))?;
    run(Command::new("git").args(["status", "--short"]))
}

/// A Markdown text with another table in place of the one that has this word.
fn with_table(text: &str, word: &str, table: &str) -> Result<String, String> {
    let is_row = |line: &&str| line.starts_with('|');
    let lines: Vec<&str> = text.lines().collect();
    let at = lines
        .iter()
        .position(|line| is_row(line) && line.contains(word))
        .ok_or_else(|| format!("README.md has no table with {word}"))?;
    let (before, after) = lines.split_at(at);
    let rows_before = before.iter().rev().take_while(|line| is_row(line)).count();
    let rows_after = after.iter().take_while(|line| is_row(line)).count();
    let kept_before = before.iter().take(before.len() - rows_before);
    let kept_after = after.iter().skip(rows_after);
    let lines: Vec<&str> = kept_before
        .copied()
        .chain([table])
        .chain(kept_after.copied())
        .collect();
    Ok(lines.join("\n") + "\n")
}

fn fixtures() -> Done {
    const FOLDER: &str = "tools/conditional-fixtures";
    run(Command::new("npm").args(["ci", "--prefix", FOLDER]))?;
    let forms = ["run", "--package", "forms", "--example", "print"];
    let forms = output(Command::new("cargo").args(forms))?;
    let mut node = Command::new("node")
        .arg(format!("{FOLDER}/generate.mjs"))
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run node: {error}"))?;
    if let Some(mut stdin) = node.stdin.take() {
        let written = stdin.write_all(forms.as_bytes());
        written.map_err(|error| format!("node does not read the forms: {error}"))?;
    }
    let status = node.wait().map_err(|error| error.to_string())?;
    status
        .success()
        .then_some(())
        .ok_or(format!("node: {status}"))
}

fn fresh() -> Done {
    let folder = std::env::temp_dir().join(format!("countryconfig-{}", std::process::id()));
    run(Command::new("git")
        .args(["clone", "--quiet", "."])
        .arg(&folder))?;
    let in_clone =
        |arguments: &[&str]| run(Command::new("cargo").args(arguments).current_dir(&folder));
    let done = in_clone(&["run", "--release", "--locked", "--", "check"])
        .and_then(|()| in_clone(&["test", "--locked"]));
    if done.is_ok() {
        std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    done
}

/// A Python that has `PyYAML`, which the checks of the examples need.
fn python() -> Result<&'static str, String> {
    ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(|python| {
            Command::new(python)
                .args(["-c", "import yaml"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
        .ok_or_else(|| "no python3 with PyYAML: apt-get install python3-yaml".to_owned())
}

fn cargo(arguments: &[&str]) -> Done {
    run(Command::new("cargo").args(arguments))
}

fn read(file: &str) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))
}

fn write(file: &str, text: &str) -> Done {
    std::fs::write(file, text).map_err(|error| format!("cannot write {file}: {error}"))
}

/// What a command prints.
fn output(command: &mut Command) -> Result<String, String> {
    eprintln!("+ {command:?}");
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

fn run(command: &mut Command) -> Done {
    eprintln!("+ {command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("cannot run {command:?}: {error}")),
    }
}
