// 토스페이먼츠 문서의 코드 그대로입니다. 바뀐 것은 index.html의 스크립트 주소뿐입니다.
'use strict';
const toss = TossPayments('test_ck_html_shop');
const payment = toss.payment({ customerKey: 'customer-0001' });
const said = document.getElementById('said');
const at = (page) => new URL(page, location.href).href;
const order = () => ({
  amount: { value: 15000, currency: 'KRW' },
  orderId: `pencil-${crypto.randomUUID()}`,
  orderName: '연필 12자루',
  successUrl: at('done.html'),
  failUrl: at('done.html'),
  customerName: '김토스',
});

/** A closed window comes here, not to failUrl. */
function tell(error) {
  said.textContent = error.code === 'USER_CANCEL' ? '결제를 그만두었습니다.' : `${error.message} (${error.code})`;
}

function when(id, start) {
  document.getElementById(id).addEventListener('click', () => start().catch(tell));
}

when('card', () => payment.requestPayment({ method: 'CARD', ...order() }));
when('account', () =>
  payment.requestPayment({ method: 'VIRTUAL_ACCOUNT', ...order(), virtualAccount: { cashReceipt: { type: '소득공제' } } }),
);
when('billing', () =>
  payment.requestBillingAuth({ method: 'CARD', successUrl: at('done.html'), failUrl: at('done.html') }),
);
