// SPDX-License-Identifier: MPL-2.0
//! A filled-in certificate as a drawing that needs no other file.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use country::Files;
use country::certificates::Certificate;

/// The drawing with its fonts behind the opening tag, where the client puts them.
///
/// # Errors
/// A drawing that is not SVG, or a missing font.
pub(crate) fn with_fonts(
    svg: &str,
    certificate: &Certificate,
    files: &Files,
) -> anyhow::Result<String> {
    let svg = svg.trim();
    let css = faces(certificate, files)?;
    let start = svg.find("<svg").context("there is no <svg> in it")?;
    let (before, svg) = svg.split_at(start);
    let (open, rest) = svg.split_once('>').context("the <svg> does not end")?;
    Ok(format!("{before}{open}><style>{css}\n</style>{rest}\n"))
}

/// The fonts, as the client's page declares them: it tells faces apart by weight only.
fn faces(certificate: &Certificate, files: &Files) -> anyhow::Result<String> {
    let mut css = String::new();
    for family in &certificate.families {
        for (face, file) in &family.faces {
            let font = files
                .bytes(&format!("fonts/{file}"))
                .map_err(|problem| anyhow::anyhow!("{problem}"))?;
            let weight = if *face == "bold" { "bold" } else { "normal" };
            css += &format!(
                "\n@font-face{{font-family:\"{}\";font-weight:{weight};src:url(\"data:font/ttf;base64,{}\")}}",
                family.name,
                STANDARD.encode(&font),
            );
        }
    }
    Ok(css)
}
