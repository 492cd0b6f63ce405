// SPDX-License-Identifier: MPL-2.0
//! An issuer for demonstrations. Its credentials have no value: they are marked as a demonstration, and
//! signed with an unknown key that ends with the process.

use super::App;
use super::body::Unread;
use super::openapi_meta::{Refusals, Refused, SLOW_BODY, Statuses, Tag};
use crate::problem::Problem;
use crate::settings::WebUrl;
use anyhow::Context;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use poem::http::StatusCode;
use poem_openapi::payload::PlainText;
use poem_openapi::{ApiResponse, OpenApi};
use serde_json::{Value, json};
use std::sync::Arc;

/// The issuer's name, which no wallet trusts.
const ISSUER: &str = "urn:demonstration:not-an-issuer";
/// Lifetime of a credential: one day.
const LASTS_S: u64 = 24 * 60 * 60;
/// Size limit of a request, which is the filled-in template.
const BODY_LIMIT: usize = 64 * 1024;

pub(super) struct DemoIssuerApi(pub(super) Arc<App>);

/// A key that was made for this run.
pub struct DemoIssuer {
    key: EncodingKey,
    url: String,
}

impl DemoIssuer {
    /// Creates it with a new key; `country_config_url` stands in its offers.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new(country_config_url: &WebUrl) -> anyhow::Result<Self> {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let key = key.ok().context("no key can be made")?;
        Ok(Self {
            key: EncodingKey::from_ec_der(key.as_ref()),
            url: country_config_url.as_str().trim_end_matches('/').to_owned(),
        })
    }

    fn sign(&self, request: &Value) -> jsonwebtoken::errors::Result<String> {
        let now = jsonwebtoken::get_current_timestamp();
        let claims = json!({
            "iss": ISSUER, "sub": request.get("subjectDid"), "jti": uuid::Uuid::new_v4(),
            "iat": now, "nbf": now, "exp": now + LASTS_S,
            "demo": true, "vc": request.get("credentialData"),
        });
        let mut header = Header::new(Algorithm::ES256);
        header.jwk = Some(Jwk::from_encoding_key(&self.key, Algorithm::ES256)?);
        encode(&header, &claims, &self.key)
    }

    /// An offer that no wallet can accept: no issuer service is behind it.
    fn offer(&self, request: &Value) -> String {
        let offer = json!({
            "credential_issuer": format!("{}/_demo-issuer", self.url),
            "credential_configuration_ids": [request.get("credentialConfigurationId")],
            "grants": {"urn:ietf:params:oauth:grant-type:pre-authorized_code": {"pre-authorized_code": uuid::Uuid::new_v4()}},
            "demo": true,
        });
        let mut url = reqwest::Url::parse("openid-credential-offer://").ok();
        if let Some(url) = &mut url {
            url.query_pairs_mut()
                .append_pair("credential_offer", &offer.to_string());
        }
        url.map(String::from).unwrap_or_default()
    }
}

#[derive(ApiResponse)]
enum Reply {
    /// What was issued
    #[oai(status = 200)]
    Issued(PlainText<String>),
}

struct NotIssued;
impl Refusals for NotIssued {
    const STATUSES: Statuses = &[
        (400, "The body is not JSON"),
        (404, "There is no demo issuer without ALLOW_DEMO"),
        SLOW_BODY,
        (413, "More than 64 KiB"),
    ];
}

#[OpenApi(tag = "Tag::Demonstration")]
impl DemoIssuerApi {
    /// An offer of a credential, for demonstrations
    ///
    /// Only with `ALLOW_DEMO`. It is marked, and no wallet can take it up.
    #[oai(
        path = "/_demo-issuer/openid4vc/sdjwt/issue",
        method = "post",
        operation_id = "issueDemoOffer"
    )]
    async fn offer(&self, request: Unread<Value>) -> Result<Reply, Refused<NotIssued>> {
        let (issuer, request) = self.asked(request).await?;
        Ok(Reply::Issued(PlainText(issuer.offer(&request))))
    }

    /// A signed credential, for demonstrations
    ///
    /// Only with `ALLOW_DEMO`. It is marked, and signed with a key that ends with the process.
    #[oai(
        path = "/_demo-issuer/raw/jwt/sign",
        method = "post",
        operation_id = "signDemoCredential"
    )]
    async fn sign(&self, request: Unread<Value>) -> Result<Reply, Refused<NotIssued>> {
        let (issuer, request) = self.asked(request).await?;
        let signed = issuer.sign(&request).map_err(|error| {
            let message = "the demo issuer cannot sign";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, message).caused_by(error)
        })?;
        Ok(Reply::Issued(PlainText(signed)))
    }
}

impl DemoIssuerApi {
    /// The issuer and the request.
    async fn asked(&self, request: Unread<Value>) -> Result<(&DemoIssuer, Value), Problem> {
        let problem = |status, message: &str| Problem::new(status, message);
        let off = "there is no demo issuer without ALLOW_DEMO";
        let issuer = self.0.demo_issuer.as_ref();
        let issuer = issuer.ok_or_else(|| problem(StatusCode::NOT_FOUND, off))?;
        let bytes = request.bytes(BODY_LIMIT).await?;
        let request = serde_json::from_slice(&bytes);
        let request =
            request.map_err(|_| problem(StatusCode::BAD_REQUEST, "the body is not JSON"))?;
        Ok((issuer, request))
    }
}
