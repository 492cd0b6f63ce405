// SPDX-License-Identifier: MPL-2.0
//! Parts of a country whose files can change while the server runs.

use std::fmt;
use std::sync::Arc;

/// A part of the country in use. The country is replaced in one place, as a whole; nobody else keeps a part
/// for longer than one piece of work.
pub struct Current<T>(Box<dyn Fn() -> Arc<T> + Send + Sync>);

impl<T: Send + Sync + 'static> Current<T> {
    /// Reads the part each time it is needed.
    pub fn new(read: impl Fn() -> Arc<T> + Send + Sync + 'static) -> Self {
        Self(Box::new(read))
    }

    /// A part that does not change.
    pub fn fixed(part: Arc<T>) -> Self {
        Self::new(move || part.clone())
    }

    /// The part as it is now.
    pub fn load(&self) -> Arc<T> {
        (self.0)()
    }
}

impl<T> fmt::Debug for Current<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Current").finish()
    }
}
