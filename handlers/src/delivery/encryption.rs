// SPDX-License-Identifier: MPL-2.0
//! Encryption of pending deliveries in the ledger: tokens and packets.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::str::FromStr;
use std::sync::Arc;

/// The prefix of an encrypted text; neither JSON nor a token begins with it.
const MARK: &str = "sealed:";

/// Keys of the ledger: the first one encrypts, all of them decrypt, so that a key can be replaced while
/// deliveries encrypted with the old one are pending. Without any key, text is stored as it is.
#[derive(Clone, Default)]
pub struct Encryption(Arc<[RandomizedNonceKey]>);

/// The reason why text cannot be encrypted or decrypted, or a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionError {
    /// A text that is not a key.
    #[error("key {0} is not 32 bytes in base64; generate one with `openssl rand -base64 32`")]
    Key(usize),
    /// The text was encrypted with a key that is not in the list, or was changed.
    #[error("no key in LEDGER_KEY decrypts it")]
    Open,
    /// The cryptographic library refused.
    #[error("it cannot be encrypted")]
    Encryption,
}

impl FromStr for Encryption {
    type Err = EncryptionError;
    /// Keys in base64, separated by commas, the newest first.
    fn from_str(text: &str) -> Result<Self, EncryptionError> {
        let key = |(n, text): (usize, &str)| {
            let bytes = STANDARD
                .decode(text.trim())
                .ok()
                .filter(|bytes| bytes.len() == 32);
            bytes
                .and_then(|bytes| RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok())
                .ok_or(EncryptionError::Key(n + 1))
        };
        text.split(',')
            .enumerate()
            .map(key)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Encryption {
    /// Encrypts a text; decryption needs the same `context`, so that encrypted texts cannot be swapped.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn seal(&self, text: &str, context: &str) -> Result<String, EncryptionError> {
        let Some(key) = self.0.first() else {
            return Ok(text.to_owned());
        };
        let mut bytes = text.as_bytes().to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(context), &mut bytes)
            .map_err(|_| EncryptionError::Encryption)?;
        let sealed = [nonce.as_ref().as_slice(), &bytes].concat();
        Ok(format!("{MARK}{}", STANDARD.encode(sealed)))
    }

    /// Decrypts a text; one that was stored without a key is returned as it is.
    ///
    /// # Errors
    /// When no key decrypts it.
    pub fn open(&self, text: &str, context: &str) -> Result<String, EncryptionError> {
        let Some(sealed) = text.strip_prefix(MARK) else {
            return Ok(text.to_owned());
        };
        let sealed = STANDARD.decode(sealed).map_err(|_| EncryptionError::Open)?;
        let (nonce, bytes) = sealed
            .split_at_checked(NONCE_LEN)
            .ok_or(EncryptionError::Open)?;
        self.0
            .iter()
            .find_map(|key| {
                let mut bytes = bytes.to_vec();
                let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
                let opened = key
                    .open_in_place(nonce, Aad::from(context), &mut bytes)
                    .ok()?;
                String::from_utf8(opened.to_vec()).ok()
            })
            .ok_or(EncryptionError::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const NEW: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

    #[test]
    fn what_is_sealed_opens_under_the_same_context_and_any_listed_key() {
        let old: Encryption = OLD.parse().unwrap();
        let sealed = old.seal("a token", "event").unwrap();
        assert!(!sealed.contains("token"));
        assert_ne!(sealed, old.seal("a token", "event").unwrap());
        let rotated: Encryption = format!("{NEW},{OLD}").parse().unwrap();
        assert_eq!(rotated.open(&sealed, "event").unwrap(), "a token");
        assert!(matches!(
            rotated.open(&sealed, "other event"),
            Err(EncryptionError::Open)
        ));
        let new: Encryption = NEW.parse().unwrap();
        assert!(matches!(
            new.open(&sealed, "event"),
            Err(EncryptionError::Open)
        ));
        assert_eq!(
            new.open("stored before there was a key", "event").unwrap(),
            "stored before there was a key"
        );
    }

    #[test]
    fn a_bad_key_is_refused_by_its_place() {
        assert_eq!(
            format!("{NEW},short")
                .parse::<Encryption>()
                .err()
                .unwrap()
                .to_string(),
            "key 2 is not 32 bytes in base64; generate one with `openssl rand -base64 32`"
        );
    }
}
