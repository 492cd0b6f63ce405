// SPDX-License-Identifier: MPL-2.0
//! `administrative-areas.csv` and `locations.csv`: the country's areas, offices and facilities.

use rules::csv_table::{Row, Table};
use rules::diagnostic::{Diagnostic, did_you_mean};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// The kinds of places that core has a meaning for.
const KINDS: [&str; 2] = ["CRVS_OFFICE", "HEALTH_FACILITY"];
/// The column with the code of an office in registration numbers, which a country need not have.
const CODE: &str = "code";
/// Core's name for the level above the largest areas.
const ROOT: &str = "0";

/// A province, district, village …
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Area {
    /// Its code, known to core as external id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The area around it.
    #[serde(rename = "partOf", serialize_with = "part_of")]
    pub parent: Option<String>,
}

/// An office, a hospital …
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Its id, known to core as external id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The area in which it lies; none for the whole country.
    #[serde(rename = "partOf", serialize_with = "part_of")]
    pub parent: Option<String>,
    /// `CRVS_OFFICE`, `HEALTH_FACILITY` …
    #[serde(rename = "locationType")]
    pub kind: Cow<'static, str>,
    /// Its code in registration numbers; empty where its cell is, none where the file has no such column.
    #[serde(skip)]
    pub code: Option<String>,
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn part_of<S: Serializer>(parent: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!(
        "Location/{}",
        parent.as_deref().unwrap_or(ROOT)
    ))
}

/// All places of the country.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Places {
    /// From the largest to the smallest, in the order of the file.
    #[serde(rename = "administrativeAreas")]
    pub areas: Vec<Area>,
    /// Offices and facilities.
    pub locations: Vec<Location>,
    /// The country's name in the file of the areas.
    #[serde(skip)]
    pub country: Option<String>,
}

impl Places {
    /// The document for core's seeder.
    pub fn document(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// Reads the file of the areas; `levels` is how deep they may lie.
    pub fn read_areas(
        &mut self,
        file: &str,
        text: &str,
        levels: usize,
        found: &mut Vec<Diagnostic>,
    ) {
        (self.areas, self.country) = areas(file, text, levels, found);
    }

    /// Reads the file of the places in these areas.
    pub fn read_locations(&mut self, file: &str, text: &str, found: &mut Vec<Diagnostic>) {
        self.locations = locations(file, text, &self.areas, found);
    }
}

/// Columns of one level: its code and its name.
struct Level {
    code: usize,
    name: usize,
}

fn areas(
    file: &str,
    text: &str,
    levels: usize,
    found: &mut Vec<Diagnostic>,
) -> (Vec<Area>, Option<String>) {
    let names: Vec<_> = (1..=levels)
        .flat_map(|level| [format!("admin{level}Pcode"), format!("admin{level}Name_en")])
        .collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    // The published lists of areas have further columns: other languages, the country itself.
    let also = |head: &str| {
        let deeper = |head: &str| {
            head.trim_start_matches("admin").starts_with(|c: char| {
                c.is_ascii_digit() && c.to_digit(10) > u32::try_from(levels).ok()
            })
        };
        head.starts_with("admin") && !(head.ends_with("Pcode") && deeper(head))
    };
    let mut table = Table::read(file, text, &names, also);
    found.extend(table.take_found());
    let level = |level: usize| {
        Some(Level {
            code: table.column(&format!("admin{level}Pcode"))?,
            name: table.column(&format!("admin{level}Name_en"))?,
        })
    };
    let Some(levels) = (1..=levels).map(level).collect::<Option<Vec<_>>>() else {
        return Default::default();
    };
    let mut areas: Vec<Area> = Vec::new();
    let mut known: HashMap<String, (usize, usize)> = HashMap::new();
    let mut told: HashSet<String> = HashSet::new();
    for row in table.rows() {
        let mut parent: Option<&str> = None;
        for (depth, level) in levels.iter().enumerate() {
            let (id, name) = (row.cell(level.code), row.cell(level.name));
            if id.is_empty() {
                if !name.is_empty() {
                    let message = format!("`{name}` has no code");
                    found.push(table.error(&row, level.code, message, None));
                }
                continue;
            }
            let area = Area {
                id: id.to_owned(),
                name: name.to_owned(),
                parent: parent.map(str::to_owned),
            };
            parent = Some(id);
            match known.entry(id.to_owned()) {
                Entry::Vacant(entry) => {
                    check_area(&table, &row, level, &area, found);
                    entry.insert((areas.len(), depth));
                    areas.push(area);
                }
                Entry::Occupied(entry) => {
                    let (index, at) = *entry.get();
                    let first = areas.get(index).filter(|_| !told.contains(id));
                    let differs = first.and_then(|first| {
                        different(&table, &row, level, (first, at), (&area, depth))
                    });
                    if let Some(problem) = differs {
                        told.insert(id.to_owned());
                        found.push(problem);
                    }
                }
            }
        }
        if parent.is_none() {
            let message = "this line names no area".to_owned();
            found.push(table.error(&row, 0, message, None));
        }
    }
    if areas.is_empty() && table.columns.len() > 1 {
        found.push(Diagnostic::of_file(
            file,
            "there is no administrative area; core needs one at least",
        ));
    }
    let country = table.column("admin0Name_en").zip(table.rows().next());
    let country = country.map(|(column, row)| row.cell(column).to_owned());
    (areas, country)
}

fn check_area(
    table: &Table<'_>,
    row: &Row<'_>,
    level: &Level,
    area: &Area,
    found: &mut Vec<Diagnostic>,
) {
    if !area.name.chars().any(char::is_alphanumeric) {
        let message = format!("the area `{}` has no name", area.id);
        let hint = "to leave a level out, leave its code empty too".to_owned();
        found.push(table.error(row, level.name, message, Some(hint)));
    }
    check_id(table, row, level.code, &area.id, found);
}

/// Checks an id: core takes the text after the last `_` or `/` of a reference.
fn check_id(
    table: &Table<'_>,
    row: &Row<'_>,
    column: usize,
    id: &str,
    found: &mut Vec<Diagnostic>,
) {
    if id == ROOT
        || !id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
    {
        let message = format!("core cannot refer to the id `{id}`");
        let hint = "use letters, digits, hyphens and dots".to_owned();
        found.push(table.error(row, column, message, Some(hint)));
    }
}

/// An area is in many lines, and must be the same in all. Reported once: if the first line is the wrong one,
/// all others differ from it.
fn different(
    table: &Table<'_>,
    row: &Row<'_>,
    level: &Level,
    (first, first_depth): (&Area, usize),
    (area, depth): (&Area, usize),
) -> Option<Diagnostic> {
    let hint =
        || Some("it must be the same in all lines; make right the one that is wrong".to_owned());
    let id = &area.id;
    let around = |area: &Area| area.parent.clone().unwrap_or_else(|| "no area".to_owned());
    if depth != first_depth {
        let message = format!(
            "`{id}` has level {} here and level {} above",
            depth + 1,
            first_depth + 1
        );
        let hint = "an area cannot lie within itself; each has a code of its own".to_owned();
        Some(table.error(row, level.code, message, Some(hint)))
    } else if area.parent != first.parent {
        let message = format!(
            "`{id}` lies in {} here, and in {} above",
            around(area),
            around(first)
        );
        Some(table.error(row, level.code, message, hint()))
    } else if area.name != first.name {
        let message = format!(
            "`{id}` is called “{}” here, and “{}” above",
            area.name, first.name
        );
        Some(table.error(row, level.name, message, hint()))
    } else {
        None
    }
}

fn locations(file: &str, text: &str, areas: &[Area], found: &mut Vec<Diagnostic>) -> Vec<Location> {
    let mut table = Table::read(
        file,
        text,
        &["id", "name", "partOf", "locationType"],
        |head| head == CODE,
    );
    found.extend(table.take_found());
    let code = table.column(CODE);
    let columns = ["id", "name", "partOf", "locationType"].map(|name| table.column(name));
    let [Some(id), Some(name), Some(part_of), Some(kind)] = columns else {
        return Vec::new();
    };
    let areas: HashSet<_> = areas.iter().map(|area| area.id.as_str()).collect();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut locations = Vec::new();
    for row in table.rows() {
        let mut error =
            |column, message, hint| found.push(table.error(&row, column, message, hint));
        let own = row.cell(id);
        let parent = row.cell(part_of).strip_prefix("Location/");
        match parent {
            None => error(
                part_of,
                format!("`{}` is not a reference to an area", row.cell(part_of)),
                Some("write `Location/` and the code of the area, or `Location/0` for the whole country".to_owned()),
            ),
            // Without any area, the fault is in their file.
            Some(parent) if parent != ROOT && !areas.is_empty() && !areas.contains(parent) => error(
                part_of,
                format!("there is no area `{parent}`"),
                did_you_mean(parent, areas.iter().copied()),
            ),
            Some(_) => {}
        }
        if !seen.insert(own) {
            error(id, format!("there is another place `{own}` above"), None);
        } else if areas.contains(own) {
            error(id, format!("`{own}` is the code of an area already"), None);
        }
        if !row.cell(name).chars().any(char::is_alphanumeric) {
            error(name, format!("the place `{own}` has no name"), None);
        }
        check_id(&table, &row, id, own, found);
        let known = KINDS.into_iter().find(|known| *known == row.cell(kind));
        if known.is_none() {
            let message = format!(
                "core has no meaning for places of the kind `{}`",
                row.cell(kind)
            );
            let hint = did_you_mean(row.cell(kind), KINDS)
                .unwrap_or_else(|| format!("it knows {}", KINDS.join(" and ")));
            found.push(table.warning(&row, kind, message, Some(hint)));
        }
        locations.push(Location {
            id: own.to_owned(),
            name: row.cell(name).to_owned(),
            parent: parent.filter(|parent| *parent != ROOT).map(str::to_owned),
            kind: known.map_or_else(|| row.cell(kind).to_owned().into(), Cow::Borrowed),
            code: code.map(|column| row.cell(column).to_owned()),
        });
    }
    if locations.is_empty() && found.iter().all(|problem| problem.file != file) {
        found.push(Diagnostic::of_file(
            file,
            "there is no place; core needs one at least",
        ));
    }
    locations
}
