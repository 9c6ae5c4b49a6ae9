// Speaking with the sandbox that served this script.
const BASE = (document.currentScript?.src ?? '').replace(/\/v[12](\/[a-z-]+)?([?#].*)?$/, '');

async function send(path, clientKey, body) {
  const headers = { authorization: `Basic ${btoa(`${clientKey}:`)}`, 'content-type': 'application/json' };
  let reply, answer;
  try {
    reply = await fetch(BASE + path, { method: 'POST', headers, body: JSON.stringify(body) });
    answer = await reply.json();
  } catch {
    throw new TossPaymentsError('NETWORK_ERROR', { detail: BASE });
  }
  if (!reply.ok) throw new TossPaymentsError(answer.code, { message: answer.message });
  return answer;
}

/** The window's address with more in its query; what is empty is left out. */
function withQuery(url, more) {
  const address = new URL(url);
  for (const [name, value] of Object.entries(more)) {
    if (isGiven(value) && value !== '' && value !== false) address.searchParams.set(name, String(value));
  }
  return address.href;
}
