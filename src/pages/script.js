// SPDX-License-Identifier: MPL-2.0
// Keeps an open page current. Pages are complete without it: forms are sent by their buttons then.
'use strict';

/** Brings a parsed document into the page: title, header, notice and content. */
function show(fresh) {
  document.title = fresh.title;
  document.body.dataset.version = fresh.body.dataset.version || '';
  for (const id of ['controls', 'notice', 'main']) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (old && now) morph(old, now);
  }
}

/** Makes one element like another and leaves alone what is equal, so that focus and selection stay. */
function morph(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === 'open' && old.tagName === 'DETAILS')) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !(name === 'open' && old.tagName === 'DETAILS')) old.setAttribute(name, value);
  }
  const by_id = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at = old.firstChild;
  for (const now of [...fresh.childNodes]) {
    const known = by_id.get(now.id);
    // Without an id of its own a new element takes the place of one without an id.
    if (!known && (!at || at.id)) { old.insertBefore(document.importNode(now, true), at); continue; }
    const node = known || at;
    if (node === at) at = at.nextSibling;
    else old.insertBefore(node, at);
    if (node.nodeType !== now.nodeType || node.nodeName !== now.nodeName) {
      node.replaceWith(document.importNode(now, true));
    } else if (node.nodeType === Node.TEXT_NODE) {
      if (node.data !== now.data) node.data = now.data;
    } else if (node.nodeType === Node.ELEMENT_NODE) {
      morph(node, now);
      same_value(node, now);
    }
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
}

/** Values live beside the attributes; what somebody is typing into is left alone. */
function same_value(old, fresh) {
  if (old === document.activeElement && !['checkbox', 'radio'].includes(old.type) && old.tagName !== 'SELECT') return;
  if (old.tagName === 'INPUT' || old.tagName === 'TEXTAREA' || old.tagName === 'SELECT') {
    if (old.type === 'file') return;
    if (old.checked !== fresh.checked) old.checked = fresh.checked;
    if (old.value !== fresh.value) old.value = fresh.value;
  }
}

let running;

/** Loads a page and brings it into this one; of two that overlap the later counts. */
async function load(url, options) {
  if (running) running.abort();
  const mine = running = new AbortController();
  document.body.setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch(url, { ...options, signal: mine.signal });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (mine !== running) return;
    if (answer.redirected) history.replaceState(null, '', answer.url);
    show(page);
    document.getElementById('offline').hidden = true;
  } catch (error) {
    if (error.name !== 'AbortError') document.getElementById('offline').hidden = false;
  } finally {
    if (mine === running) { running = undefined; document.body.removeAttribute('aria-busy'); }
  }
}

/** Sends a form as its button would, and says which input has changed. */
async function send(form, button, changed) {
  const fields = new URLSearchParams(new FormData(form, button));
  if (changed) fields.append('changed', changed);
  const action = form.getAttribute('action') || location.pathname;
  if (form.method === 'post') await load(action, { method: 'POST', body: fields });
  else {
    history.replaceState(null, '', `${action}?${fields}`);
    await load(location.href);
  }
  // A button may be about a part of the page that is elsewhere.
  document.getElementById(button?.dataset.reveal)?.scrollIntoView({ block: 'nearest' });
}

// A form with `data-live` is sent when an input changes: a choice at once, a text after a short pause.
let pause;
document.addEventListener('input', ({ target }) => {
  const form = target.form;
  if (!form || !form.hasAttribute('data-live') || target.closest('[data-quiet]')) return;
  clearTimeout(pause);
  const typed = target.tagName === 'TEXTAREA' || (target.tagName === 'INPUT' && !['checkbox', 'radio', 'date'].includes(target.type));
  pause = setTimeout(() => send(form, null, target.name), typed ? 120 : 0);
});

// So it is by its buttons, but for those with `data-leave`, which lead to another page.
document.addEventListener('submit', (event) => {
  const { target: form, submitter } = event;
  const question = submitter?.dataset.confirm;
  if (question && !window.confirm(question)) { event.preventDefault(); return; }
  if (!form.hasAttribute('data-live') || submitter?.hasAttribute('data-leave')) return;
  event.preventDefault();
  clearTimeout(pause);
  send(form, submitter);
});

// The content of a chosen file goes into a text; it is sent with its form only.
document.addEventListener('change', async ({ target }) => {
  if (!target.dataset.into || !target.files.length) return;
  document.getElementById(target.dataset.into).value = await target.files[0].text();
});

document.addEventListener('click', ({ target }) => {
  if (target.closest('[data-print]')) window.print();
});

// The server tells of changed files and of a restart.
const changes = new EventSource('/pages/changes');
changes.onmessage = ({ data }) => {
  document.getElementById('offline').hidden = true;
  if (data !== document.body.dataset.version) load(location.href);
};
changes.onerror = () => { document.getElementById('offline').hidden = false; };
addEventListener('pagehide', () => changes.close());
