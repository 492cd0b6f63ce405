// SPDX-License-Identifier: MPL-2.0
//! The middleware as the verifier of identities.

use super::{Identity, Verifier};
use crate::delivery::outcome::Outcome;
use crate::delivery::transport::{reply, unanswered};
use crate::fault;
use async_trait::async_trait;
use reqwest::{Client, StatusCode};
use serde_json::Value;

/// The maximum size of the middleware's answer about an identity: `verified` or `failed`.
const VERDICT_LIMIT: usize = 8;

/// Asks the middleware about identities.
pub struct HttpVerifier {
    client: Client,
    url: String,
}

impl HttpVerifier {
    /// `middleware` is `MOSIP_INTEROP_URL`.
    pub fn new(client: Client, middleware: &str) -> Self {
        let url = format!("{}/verify", middleware.trim_end_matches('/'));
        Self { client, url }
    }
}

#[async_trait]
impl Verifier for HttpVerifier {
    async fn verify(&self, question: &Value, token: &str) -> Result<Identity, Outcome> {
        let request = self
            .client
            .post(&self.url)
            .bearer_auth(token)
            .json(question);
        let mut response = request.send().await.map_err(|e| unanswered(&e))?;
        let status = response.status();
        let text = reply(&mut response, VERDICT_LIMIT).await;
        let text = text.map_err(|e| unanswered(&e))?;
        [Identity::Verified, Identity::Failed]
            .into_iter()
            .find(|identity| status == StatusCode::OK && text == identity.as_str().as_bytes())
            .ok_or_else(|| {
                fault::note(fault::of_status(response.url(), status));
                Outcome::Failed(status, None)
            })
    }
}
