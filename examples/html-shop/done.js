// Shows what came with the redirect, and what the shop's server has to do now.
'use strict';
const query = Object.fromEntries(new URLSearchParams(location.search));
const api = 'http://localhost:3900';
const { paymentKey, orderId, amount, authKey, customerKey, code } = query;

document.getElementById('title').textContent = code ? '결제하지 못했습니다' : authKey ? '카드를 등록했습니다' : '결제를 인증했습니다';
for (const [name, value] of Object.entries(query)) {
  const [term, detail] = [document.createElement('dt'), document.createElement('dd')];
  term.textContent = name;
  detail.textContent = value;
  document.getElementById('facts').append(term, detail);
}

function call(key, path, body) {
  document.getElementById('next').hidden = false;
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  document.getElementById('call').textContent = `curl -u ${key}: -H 'Content-Type: application/json' ${api}${path} -d '${json}'`;
}

const key = query.keys === 'widget' ? 'test_gsk_html_shop' : 'test_sk_html_shop';
if (paymentKey) call(key, '/v1/payments/confirm', { paymentKey, orderId, amount: Number(amount) });
if (authKey) call(key, '/v1/billing/authorizations/issue', { authKey, customerKey });
