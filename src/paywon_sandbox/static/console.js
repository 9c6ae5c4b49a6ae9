// Makes the control page livelier: rows renew themselves, buttons do not reload the page, the clock ticks.
'use strict';
const RENEW_MS = 2000;

async function load(url, options) {
  const reply = await fetch(url, { ...options, credentials: 'same-origin' });
  return { url: reply.url, page: new DOMParser().parseFromString(await reply.text(), 'text/html') };
}

const openRows = () => [...document.querySelectorAll('details[data-row][open]')].map((row) => row.dataset.row);

/** Replaces one part by its newer self; what was unfolded stays unfolded. */
function renew(page, selector) {
  const [old, fresh] = [document.querySelector(selector), page.querySelector(selector)];
  if (!old || !fresh || old.innerHTML === fresh.innerHTML) return;
  const open = openRows();
  const scrolled = Object.fromEntries([...old.querySelectorAll('details[open] pre')].map((pre) => [pre.closest('details').dataset.row, pre.scrollTop]));
  const focused = old.contains(document.activeElement) ? document.activeElement.closest('[data-row]')?.dataset.row : null;
  old.replaceWith(document.adoptNode(fresh));
  for (const row of document.querySelectorAll('details[data-row]')) {
    row.open = open.includes(row.dataset.row);
    if (row.dataset.row in scrolled) row.querySelector('pre').scrollTop = scrolled[row.dataset.row];
    if (row.dataset.row === focused) row.querySelector('summary').focus();
  }
}

/** Whether somebody has typed into a form of a row: it would be lost. */
const isTypedInto = () => [...document.querySelectorAll('#live form input:not([type=hidden])')].some((input) => input.value !== input.defaultValue);

async function renewRows() {
  const busy = document.hidden || document.querySelector('#live form :focus') || isTypedInto();
  if (busy || !document.querySelector('#live')) return;
  try {
    const { page } = await load(location.href);
    renew(page, '#live');
    if (!document.querySelector('.clock :focus')) renew(page, '.clock');
  } catch {
    // The sandbox is being restarted; the next round finds it again.
  }
}

async function press(event) {
  const form = event.target;
  // Fields named `action` and `method` hide the form's own properties.
  const action = form.getAttribute('action') ?? '';
  if (!action.startsWith('/sandbox/console/do/')) return;
  event.preventDefault();
  const { url, page } = await load(action, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
  history.replaceState(null, '', url);
  const label = event.submitter?.textContent;
  renew(page, 'main');
  // The keyboard stays where it was, if that button is still there.
  [...document.querySelectorAll('main button')].find((button) => button.textContent === label)?.focus();
}

function tick() {
  const clock = document.getElementById('clock');
  if (!clock || 'frozen' in clock.dataset) return;
  const now = new Date(new Date(clock.dataset.now).getTime() + 1000);
  clock.dataset.now = now.toISOString();
  clock.textContent = new Date(now.getTime() + 9 * 3600 * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

document.addEventListener('submit', press);
setInterval(tick, 1000);
setInterval(renewRows, RENEW_MS);
