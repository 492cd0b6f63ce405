// SPDX-License-Identifier: MPL-2.0
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;

#[rstest]
#[case::offer(
    CredentialKind::Offer,
    "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fissuer",
    true
)]
#[case::page(CredentialKind::Offer, "<html>", false)]
#[case::with_blanks(CredentialKind::Offer, "openid-credential-offer://x y", false)]
#[case::no_scheme(CredentialKind::Offer, "://x", false)]
#[case::signed(CredentialKind::Paper, "eyJh.eyJp.c2ln-_", true)]
#[case::two_parts(CredentialKind::Paper, "eyJh.eyJp", false)]
#[case::empty_part(CredentialKind::Paper, "eyJh..c2ln", false)]
#[case::message(CredentialKind::Paper, "not.signed.here!", false)]
fn answers_of_issuers_are_told_from_others(
    #[case] kind: CredentialKind,
    #[case] answer: &str,
    #[case] expected: bool,
) {
    assert_eq!(is_answer(kind, answer), expected);
}

#[rstest]
#[case::screen(CredentialKind::Offer, 300)]
#[case::print(CredentialKind::Paper, 600)]
fn a_camera_reads_what_was_written(#[case] kind: CredentialKind, #[case] width: u32) {
    let text = format!("openid-credential-offer://?{}", "a1".repeat(250));
    let url = picture(kind, &text).unwrap();
    let png = STANDARD
        .decode(url.strip_prefix("data:image/png;base64,").unwrap())
        .unwrap();
    assert!(png.len() < 8 * 1024, "{}", png.len());
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert!(info.width >= width && info.width == info.height);
    let side = info.width as usize;
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| pixels[y * side + x]);
    let (_, read) = image.detect_grids()[0].decode().unwrap();
    assert_eq!(read, text);
}

#[test]
fn a_text_that_no_code_can_hold_has_no_picture() {
    assert!(matches!(
        picture(CredentialKind::Paper, &"x".repeat(3000)),
        Err(QrError::TooLong(_))
    ));
}

/// Its URL may hold a key, and errors are logged with their causes.
#[tokio::test]
async fn an_error_says_nothing_of_the_issuers_url() {
    let client = crate::delivery::transport::client(TIMEOUT).unwrap();
    let nowhere = "http://127.0.0.1:9";
    let clock = Arc::new(crate::clock::SystemClock);
    let core = Core::new(client.clone(), nowhere, nowhere, None, clock);
    let core = Arc::new(core);
    let credentials = Credentials {
        client,
        core: core.clone(),
        atlas: Arc::new(LocationCache::new(core)),
        offer: None,
        paper: None,
    };
    let issuer = Issuer {
        url: format!("{nowhere}/sign?key=secret").parse().unwrap(),
        token: None,
    };
    let error = credentials.ask(&issuer, &json!({})).await.unwrap_err();
    let said = format!("{error:?}");
    assert!(
        said.contains("127.0.0.1:9")
            && said.contains("connection refused")
            && !said.contains("secret"),
        "{said}"
    );
}
