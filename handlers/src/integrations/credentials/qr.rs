// SPDX-License-Identifier: MPL-2.0
//! A text as a picture that a camera can read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, as readers expect.
const MARGIN: usize = 4;

/// The reason why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum QrError {
    /// It has more characters than a code can hold.
    #[error("the text is too long for a QR code")]
    TooLong(#[from] qrcode::types::QrError),
    /// The picture cannot be written.
    #[error("the QR code cannot be written as PNG")]
    Png(#[from] png::EncodingError),
}

/// The share of a code that may be unreadable.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spare {
    /// 7 %: for long texts that are printed large.
    Little,
    /// 15 %: for codes that are shown on a screen.
    Some,
}

/// A PNG picture of at least so many pixels' width, as a `data:` URL.
///
/// # Errors
/// A text that is too long.
pub(super) fn data_url(text: &str, width: usize, spare: Spare) -> Result<String, QrError> {
    let level = match spare {
        Spare::Little => EcLevel::L,
        Spare::Some => EcLevel::M,
    };
    let code = QrCode::with_error_correction_level(text, level)?;
    let modules = code.width();
    let across = modules + 2 * MARGIN;
    let scale = width.div_ceil(across);
    let side = across * scale;
    let dark = |x: usize, y: usize| {
        let inside = |n: usize| (n / scale).checked_sub(MARGIN).filter(|n| *n < modules);
        inside(x)
            .zip(inside(y))
            .is_some_and(|at| code[at] == Color::Dark)
    };
    // One bit a pixel, the lines filled up to whole bytes.
    let bytes = side.div_ceil(8);
    let byte = |x: usize, y: usize| {
        (x * 8..x * 8 + 8).fold(0_u8, |byte, x| byte << 1 | u8::from(!dark(x, y)))
    };
    let pixels: Vec<u8> = (0..side)
        .flat_map(|y| (0..bytes).map(move |x| (x, y)))
        .map(|(x, y)| byte(x, y))
        .collect();
    let side = u32::try_from(side).unwrap_or(u32::MAX);
    let mut picture = Vec::new();
    let mut encoder = png::Encoder::new(&mut picture, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(format!(
        "data:image/png;base64,{}",
        STANDARD.encode(picture)
    ))
}
