// SPDX-License-Identifier: MPL-2.0
//! Signs tokens as core's auth service does, with a key of its own.

use crate::auth::{AUDIENCE, ISSUER};
use anyhow::Context;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Value, json};

/// A key pair made for this run.
pub struct Signer {
    key: EncodingKey,
    decoding: DecodingKey,
    public: String,
}

impl Signer {
    /// A fresh pair.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new() -> anyhow::Result<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048)
            .ok()
            .context("no RSA key can be made")?;
        let private: Pkcs8V1Der<'_> = pair
            .as_der()
            .ok()
            .context("the private key cannot be written")?;
        let public: PublicKeyX509Der<'_> = pair
            .public_key()
            .as_der()
            .ok()
            .context("the public key cannot be written")?;
        let pem = |tag: &str, der: &[u8]| pem::encode(&pem::Pem::new(tag, der));
        let key = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes())?;
        let public = pem("PUBLIC KEY", public.as_ref());
        Ok(Self {
            key,
            decoding: DecodingKey::from_rsa_pem(public.as_bytes())?,
            public,
        })
    }

    /// The public key as core publishes it.
    pub fn public_pem(&self) -> &str {
        &self.public
    }

    /// Core's action token for one action, valid for an hour.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn action_token(&self, event: &str, action: &str) -> anyhow::Result<String> {
        self.token(&claims(json!({
            "sub": "11111111-2222-4333-8444-555555555555", "userType": "user",
            "scope": ["type=record.confirm-registration", "type=record.reject-registration"],
            "eventId": event, "actionId": action,
        })))
    }

    /// The claims of a token that was signed here and has not ended; nothing of any other.
    pub(super) fn claims_of(&self, token: &str) -> Option<Value> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = 0;
        validation.validate_aud = false;
        validation.set_issuer(&[ISSUER]);
        Some(
            decode::<Value>(token, &self.decoding, &validation)
                .ok()?
                .claims,
        )
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn token(&self, claims: &Value) -> anyhow::Result<String> {
        Ok(encode(&Header::new(Algorithm::RS256), claims, &self.key)?)
    }
}

/// Claims of a token that this server takes for an hour, with more of them.
pub(super) fn claims(more: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": ["opencrvs:gateway-user", "opencrvs:events-user", AUDIENCE],
        "exp": jsonwebtoken::get_current_timestamp() + 3600,
    });
    if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
        claims.extend(more);
    }
    claims
}
