// SPDX-License-Identifier: MPL-2.0
//! Group commit: operations that arrive together share a transaction. `SQLite` has one writer, and each
//! commit waits for the disk.
//!
//! The operations of a transaction write one after the other, each in its turn, and then wait for the
//! commit. The first one starts a task that waits for a turn like all others, and commits: so the operations
//! that came before it share the transaction, and those that come during the commit share the next one.
//!
//! If an operation must be undone, or its caller goes away during its turn, the transaction is rolled back,
//! and every operation in it runs again in a transaction of its own. So each gets the result that it would
//! get alone. Savepoints would keep the others, but cost each operation two statements; failures are rare.

use super::LedgerError;
use sqlx::{Database, Transaction};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

/// The maximum number of operations that share a transaction.
const MOST: usize = 64;

/// The open transaction, if there is one. The lock is fair, and whoever holds it has the turn.
pub(super) type Group<D> = Arc<Mutex<Option<Open<D>>>>;

/// A transaction in which some operations have written.
pub(super) struct Open<D: Database> {
    tx: Transaction<'static, D>,
    writers: Vec<Writer>,
}

/// Tells an operation the result of the commit. It is dropped if the transaction is rolled back.
type Writer = oneshot::Sender<Result<(), Arc<sqlx::Error>>>;

/// The result of an operation before the commit.
pub(super) struct Written<T> {
    pub(super) result: T,
    is_kept: bool,
}

impl<T> Written<T> {
    /// The transaction is committed.
    pub(super) fn kept(result: T) -> Self {
        Self {
            result,
            is_kept: true,
        }
    }

    /// The transaction is rolled back.
    pub(super) fn undone(result: T) -> Self {
        Self {
            result,
            is_kept: false,
        }
    }
}

/// The turn of an operation to write.
pub(super) struct Turn<D: Database> {
    pub(super) tx: Transaction<'static, D>,
    writers: Vec<Writer>,
    /// `None` for a transaction that is not shared.
    place: Option<OwnedMutexGuard<Option<Open<D>>>>,
}

impl<D: Database> Turn<D> {
    /// The only turn of a transaction.
    pub(super) fn alone(tx: Transaction<'static, D>) -> Self {
        Self {
            tx,
            writers: vec![],
            place: None,
        }
    }

    /// The next turn of the group: in its open transaction, or in one that begins.
    pub(super) async fn shared(
        group: &Group<D>,
        begin: impl Future<Output = Result<Transaction<'static, D>, LedgerError>>,
    ) -> Result<Self, LedgerError> {
        let mut place = group.clone().lock_owned().await;
        let Open { tx, writers } = match place.take() {
            Some(open) if open.writers.len() < MOST => open,
            full => {
                if let Some(full) = full {
                    full.commit().await;
                }
                let (tx, writers) = (begin.await?, vec![]);
                Open { tx, writers }
            }
        };
        Ok(Self {
            tx,
            writers,
            place: Some(place),
        })
    }

    /// Ends the turn, and returns the result after the commit. `None` if the transaction was rolled back
    /// because of another operation: then this one must run again in a transaction of its own.
    pub(super) async fn end<T>(
        self,
        written: Result<Written<T>, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        let Self {
            tx,
            mut writers,
            place,
        } = self;
        let result = match written {
            Ok(Written {
                result,
                is_kept: true,
            }) => result,
            // What it saw of the others is rolled back with them.
            _ if !writers.is_empty() => return Ok(None),
            undone => return Ok(Some(undone?.result)),
        };
        let Some(mut place) = place else {
            tx.commit().await?;
            return Ok(Some(result));
        };
        if writers.is_empty() {
            // In a task of its own: no caller that goes away takes the commit with it.
            tokio::spawn(commit(OwnedMutexGuard::mutex(&place).clone()));
        }
        let (writer, committed) = oneshot::channel();
        writers.push(writer);
        *place = Some(Open { tx, writers });
        drop(place);
        let Ok(committed) = committed.await else {
            return Ok(None);
        };
        committed.map_err(LedgerError::Commit)?;
        Ok(Some(result))
    }
}

/// Commits the open transaction after the operations that wait for their turn now.
async fn commit<D: Database>(group: Group<D>) {
    // While the lock is held, the operations of the next transaction gather.
    let mut place = group.lock().await;
    if let Some(open) = place.take() {
        open.commit().await;
    }
}

impl<D: Database> Open<D> {
    async fn commit(self) {
        let committed = self.tx.commit().await.map_err(Arc::new);
        for writer in self.writers {
            // A caller that has gone away does not listen; what it wrote stays.
            drop(writer.send(committed.clone()));
        }
    }
}
