// SPDX-License-Identifier: MPL-2.0
//! The bodies of hooks: reading in bounded memory, writing back what was read, the state as if accepted.
#![no_main]

use countryconfig::sandbox::sample_birth;
use countryconfig_fuzz::{EVENTS, in_time, seed};
use libfuzzer_sys::fuzz_target;
use opencrvs_toolkit::event_document::{EventDocument, EventDocumentError, Fields};
use opencrvs_toolkit::visibility::Visibility;
use serde_json::{Value, json};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static VISIBILITY: LazyLock<Visibility> = LazyLock::new(|| Visibility::of(EVENTS.iter()));

/// Counts what is in use, and the most that was.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Reads a body, in the memory that [`EventDocument::parse`] promises.
fn parse(json: &[u8]) -> Result<EventDocument, EventDocumentError> {
    let before = IN_USE.load(Relaxed);
    MOST.store(before, Relaxed);
    let parsed = EventDocument::parse(json);
    let took = MOST.load(Relaxed) - before;
    let promised = 18 * json.len() + 1024 * 1024;
    assert!(took <= promised, "{took} bytes for {}", json.len());
    parsed
}

fn seeds() -> Vec<Vec<u8>> {
    let birth = sample_birth("event", "action", "verified");
    let mut corrected = birth.clone();
    let more = [
        json!({"id": "r", "type": "REGISTER", "status": "Accepted", "createdAt": "2026-02-01", "originalActionId": "action", "registrationNumber": "N"}),
        json!({"id": "c", "type": "REQUEST_CORRECTION", "status": "Accepted", "createdAt": "2026-02-02", "declaration": {"child.name": {"surname": null}}}),
        json!({"id": "a", "type": "APPROVE_CORRECTION", "status": "Requested", "createdAt": "2026-02-03", "requestId": "c"}),
    ];
    if let Some(actions) = corrected.get_mut("actions").and_then(Value::as_array_mut) {
        actions.extend(more);
    }
    let odd = json!({"id": "e", "type": "birth", "trackingId": null, "actions": [{"id": "a", "type": "TELEPORT", "status": "Maybe", "declaration": [1e300, -0.1]}]});
    [birth, corrected, odd]
        .map(|json| json.to_string().into_bytes())
        .into()
}

fuzz_target!(init: seed("event_document", seeds()), |data: &[u8]| {
    let Ok(document) = in_time(|| parse(data)) else {
        return;
    };
    let written = serde_json::to_vec(&document).expect("a document is written");
    match parse(&written) {
        Ok(again) => assert_eq!(again, document),
        // What was read may have been longer, with blanks.
        Err(EventDocumentError::TooLarge) => assert!(written.len() < data.len()),
        Err(error) => panic!("what was written is not read: {error}"),
    }
    let today = jiff::civil::date(2026, 6, 1);
    let visible = VISIBILITY.on(today);
    let history = document.history();
    let current = history.current_state(visible);
    in_time(|| {
        for pending in history.pending_actions() {
            let state = history.state_as_if_accepted(pending, &Fields::new(), visible);
            assert!(state.values().all(|answer| !answer.is_null()));
            let mut counted = state.clone();
            visible.retain(&document.event_type, &mut counted);
            assert_eq!(counted, state, "an answer that counts goes on to count");
            history.proposed_state(pending, visible);
            assert!(history.is_unsettled());
        }
        let last = history.states(&VISIBILITY, |_| today).last();
        assert!(last.is_none_or(|(_, state)| state == current));
    });
});
