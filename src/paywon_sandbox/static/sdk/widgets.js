// The payment widget: methods and terms drawn in the shop's page, the payment itself in the window.
const WIDGET_METHODS = {
  CARD: '신용·체크카드',
  TOSSPAY: '토스페이',
  NAVERPAY: '네이버페이',
  KAKAOPAY: '카카오페이',
  PAYCO: '페이코',
  SAMSUNGPAY: '삼성페이',
  TRANSFER: '계좌이체',
  VIRTUAL_ACCOUNT: '가상계좌',
  MOBILE_PHONE: '휴대폰',
  CULTURE_GIFT_CERTIFICATE: '문화상품권',
};
const EASY_PAYS = ['TOSSPAY', 'NAVERPAY', 'KAKAOPAY', 'PAYCO', 'SAMSUNGPAY'];
const WIDGET_CARDS = { KOOKMIN: '국민', SHINHAN: '신한', SAMSUNG: '삼성', HYUNDAI: '현대', LOTTE: '롯데' };
Object.assign(WIDGET_CARDS, { HANA: '하나', BC: 'BC', NONGHYEOP: '농협', WOORI: '우리', KAKAOBANK: '카카오뱅크', TOSSBANK: '토스뱅크' });
const TERMS = [
  { id: 'payment-service', required: true, text: '[필수] 결제 서비스 이용 약관, 개인정보 처리 동의' },
  { id: 'marketing', required: false, text: '[선택] 혜택 알림 받기' },
];
const WIDGET_OPTIONS = ['card', 'transfer', 'virtualAccount', 'foreignEasyPay', 'subMerchantSetting'];
let widgetNumber = 0;

/** Listeners of one event, refused as Toss does. */
function listeners(...events) {
  const heard = Object.fromEntries(events.map((name) => [name, []]));
  const on = (name, callback) => {
    if (!events.includes(name)) refuse('INVALID_PARAMETER', '허용하지 않는 이벤트입니다.');
    if (typeof callback !== 'function') refuse('INVALID_PARAMETER', '콜백 함수가 올바르지 않습니다.');
    heard[name].push(callback);
  };
  return { on, tell: (name, value) => heard[name].forEach((callback) => callback(value)) };
}

function place(params, already, code) {
  checkNames(params, ['selector'], ['variantKey']);
  if (already) refuse(code);
  if (isGiven(params.variantKey) && typeof params.variantKey !== 'string') refuse('INVALID_VARIANT_KEY');
  let found = null;
  try {
    found = document.querySelector(params.selector);
  } catch {
    refuse('INVALID_SELECTOR');
  }
  return found ?? refuse('INVALID_SELECTOR');
}

function radio(name, code, text, checked) {
  const input = element('input', { type: 'radio', name, value: code, checked });
  return element('label', { class: 'method' }, input, element('span', {}, text));
}

function select(label, name, options) {
  const items = Object.entries(options).map(([value, text]) => element('option', { value }, text));
  return element('label', {}, label, element('select', { name }, ...items));
}

function cardFields() {
  const months = Object.fromEntries([['0', '일시불'], ...[2, 3, 4, 5, 6, 9, 12].map((month) => [`${month}`, `${month}개월`])]);
  const company = select('카드사', 'cardCompany', { '': '카드사를 선택해 주세요', ...WIDGET_CARDS });
  return element('div', { class: 'card' }, company, select('할부', 'cardInstallmentPlan', months));
}

/** The list of methods, not yet anywhere; `chosen()` tells what is selected. */
function methodList(onSelect) {
  const group = `paywon-method-${(widgetNumber += 1)}`;
  const radios = Object.entries(WIDGET_METHODS).map(([code, text]) => radio(group, code, text, code === 'CARD'));
  const card = cardFields();
  const box = element('section', { class: 'widget', 'aria-label': '결제수단' });
  box.append(element('p', { class: 'note' }, '테스트 결제 · 실제로 돈이 나가지 않습니다'), element('h2', {}, '결제수단'));
  box.append(element('div', { class: 'methods', role: 'radiogroup', 'aria-label': '결제수단' }, ...radios), card);
  const code = () => box.querySelector('input:checked').value;
  box.addEventListener('change', (event) => {
    if (event.target.type !== 'radio') return;
    card.hidden = code() !== 'CARD';
    onSelect({ code: code() });
  });
  const value = (name) => card.querySelector(`[name=${name}]`).value;
  return { box, chosen: () => ({ code: code(), cardCompany: value('cardCompany'), months: value('cardInstallmentPlan') }) };
}

function termList(onChange) {
  const rows = TERMS.map((term) => {
    const input = element('input', { type: 'checkbox', checked: term.required });
    return { term, input, row: element('label', { class: 'term' }, input, element('span', {}, term.text)) };
  });
  const box = element('section', { class: 'widget', 'aria-label': '약관' }, ...rows.map(({ row }) => row));
  const status = () => ({
    agreedRequiredTerms: rows.every(({ term, input }) => !term.required || input.checked),
    agreements: rows.map(({ term: { id, required }, input }) => ({ term: { id, required }, agreed: input.checked })),
  });
  box.addEventListener('change', () => onChange(status()));
  return { box, status };
}

/** Puts a widget into the shop's element; the returned function takes it away again. */
function mount(where, box) {
  const { host, root } = shadowHost(WIDGET_CSS);
  host.dataset.paywonSandbox = 'widget';
  root.append(box);
  where.append(host);
  return () => host.remove();
}

/** What a chosen method means for the window: its method and its options. */
function meaning(chosen, params) {
  if (EASY_PAYS.includes(chosen.code)) return { method: 'EASY_PAY', options: { easyPay: chosen.code } };
  const options = params[METHOD_OPTIONS[chosen.code]] ?? {};
  const card = { cardCompany: chosen.cardCompany, cardInstallmentPlan: chosen.months };
  return { method: chosen.code, options: chosen.code === 'CARD' ? { ...options, ...card } : options };
}

async function payByWidget(clientKey, params, amount, chosen) {
  checkNames(params, ['orderId', 'orderName'], [...COMMON_NAMES, ...WIDGET_OPTIONS]);
  checkCommon(params);
  const redirecting = checkUrls(params);
  const target = windowTarget(params.windowTarget, redirecting);
  const { method, options } = chosen ? meaning(chosen, params) : { options: {} };
  const body = checkoutBody(params, amount, method, options);
  const result = await runPayment(clientKey, body, Boolean(chosen), target, redirecting);
  const { paymentKey, orderId } = result;
  return { paymentType: 'NORMAL', paymentKey, orderId, amount: { value: result.amount, currency: amount.currency } };
}

/** The state of one `widgets()` object. */
class Widgets {
  constructor(clientKey) {
    this.clientKey = clientKey;
    this.amount = this.methods = this.terms = this.window = null;
  }

  async setAmount(amount) {
    checkNames(amount, ['value', 'currency'], []);
    checkAmount(amount);
    this.amount = { ...amount };
  }

  async renderPaymentMethods(params) {
    if (!this.amount) refuse('NOT_SETUP_AMOUNT');
    const where = place(params, this.methods, 'PAYMENT_METHODS_WIDGET_ALREADY_RENDERED');
    const { on, tell } = listeners('paymentMethodSelect');
    const list = methodList((chosen) => tell('paymentMethodSelect', chosen));
    this.methods = list;
    const remove = mount(where, list.box);
    // Those who subscribe right after the render hear the first selection too.
    setTimeout(() => tell('paymentMethodSelect', { code: list.chosen().code }));
    const destroyWidget = async () => {
      remove();
      this.methods = null;
    };
    return { on, getSelectedPaymentMethod: async () => ({ code: list.chosen().code }), destroy: destroyWidget };
  }

  async renderAgreement(params) {
    const where = place(params, this.terms, 'AGREEMENT_WIDGET_ALREADY_RENDERED');
    const { on, tell } = listeners('agreementStatusChange');
    const list = termList((status) => tell('agreementStatusChange', status));
    this.terms = list;
    const remove = mount(where, list.box);
    setTimeout(() => tell('agreementStatusChange', list.status()));
    const destroyWidget = async () => {
      remove();
      this.terms = null;
    };
    return { on, destroy: destroyWidget };
  }

  async requestPayment(params) {
    if (!isObject(params)) refuse('INVALID_PARAMETERS');
    if (!this.amount) refuse('NOT_SETUP_AMOUNT');
    const lists = this.window ?? this;
    if (!lists.methods) refuse('NOT_SELECTED_PAYMENT_METHOD');
    if (!lists.terms?.status().agreedRequiredTerms) refuse('NEED_AGREEMENT_WITH_REQUIRED_TERMS');
    const chosen = lists.methods.chosen();
    if (chosen.code === 'CARD' && !chosen.cardCompany) refuse('NEED_CARD_PAYMENT_DETAIL');
    return payByWidget(this.clientKey, params, this.amount, chosen);
  }

  async requestPaymentWindow(params) {
    if (!isObject(params)) refuse('INVALID_PARAMETERS');
    const { amount, ...others } = params;
    checkAmount(amount);
    return payByWidget(this.clientKey, others, amount, null);
  }

  async renderPaymentWindow() {
    if (!this.amount) refuse('NOT_SETUP_AMOUNT');
    if (this.window) refuse('PAYMENT_WINDOW_ALREADY_RENDERED');
    const { on, tell } = listeners('paymentRequest', 'cancel');
    const methods = methodList(() => {});
    const pay = element('button', { class: 'pay', type: 'button' }, `${this.amount.value.toLocaleString('ko')}원 결제하기`);
    const terms = termList((status) => (pay.disabled = !status.agreedRequiredTerms));
    const close = () => {
      remove();
      this.window = null;
    };
    const content = element('div', { class: 'whole' }, methods.box, terms.box, pay);
    const remove = drawDialog('테스트 결제', WIDGET_CSS, content, () => {
      close();
      tell('cancel');
    });
    this.window = { methods, terms };
    pay.addEventListener('click', () => tell('paymentRequest', { paymentMethod: { code: methods.chosen().code } }));
    return { on, destroy: async () => close() };
  }
}

function widgets(clientKey, params) {
  checkClientKey(clientKey, 'gck');
  checkCustomerKey(params?.customerKey);
  const state = new Widgets(clientKey);
  const names = ['setAmount', 'renderPaymentMethods', 'renderAgreement', 'requestPayment', 'requestPaymentWindow', 'renderPaymentWindow'];
  return Object.fromEntries(names.map((name) => [name, (request) => state[name](request)]));
}
