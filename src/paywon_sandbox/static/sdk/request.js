// Speaking with the sandbox that served this script.
const BASE = (document.currentScript?.src ?? '').replace(/\/v[12](\/[a-z-]+)?([?#].*)?$/, '');

async function send(path, clientKey, body) {
  let reply;
  try {
    reply = await fetch(BASE + path, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${clientKey}:`)}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  } catch {
    throw new TossPaymentsError('NETWORK_ERROR', { detail: BASE });
  }
  const answer = await reply.json();
  if (!reply.ok) throw new TossPaymentsError(answer.code, { message: answer.message });
  return answer;
}

/** The window's address with what the shop preselects; empty wishes are left out. */
function withWishes(url, wishes) {
  const address = new URL(url);
  for (const [name, value] of Object.entries(wishes)) {
    if (isGiven(value) && value !== '' && value !== false) address.searchParams.set(name, String(value));
  }
  return address.href;
}
