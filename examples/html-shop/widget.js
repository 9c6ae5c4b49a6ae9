// 결제위젯: 결제수단과 약관을 주문서 안에 그립니다.
'use strict';
const widgets = TossPayments('test_gck_html_shop').widgets({ customerKey: TossPayments.ANONYMOUS });
const pay = document.getElementById('pay');
const said = document.getElementById('said');
const done = new URL('done.html?keys=widget', location.href).href;

async function draw() {
  await widgets.setAmount({ value: 15000, currency: 'KRW' });
  await widgets.renderPaymentMethods({ selector: '#methods', variantKey: 'DEFAULT' });
  const agreement = await widgets.renderAgreement({ selector: '#agreement', variantKey: 'AGREEMENT' });
  agreement.on('agreementStatusChange', (status) => (pay.disabled = !status.agreedRequiredTerms));
}

async function request() {
  said.textContent = '';
  const order = { orderId: `pencil-${crypto.randomUUID()}`, orderName: '연필 12자루', successUrl: done, failUrl: done };
  await widgets.requestPayment(order);
}

const tell = (error) => (said.textContent = `${error.message} (${error.code})`);
pay.addEventListener('click', () => request().catch(tell));
draw().catch(tell);
