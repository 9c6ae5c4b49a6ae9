// SDK v2: TossPayments(clientKey).payment({ customerKey }) and .widgets({ customerKey }).
const ANONYMOUS = '@@ANONYMOUS';
const COMMON_NAMES = ['customerName', 'customerEmail', 'customerMobilePhone', 'taxFreeAmount', 'windowTarget'].concat(
  ['pendingUrl', 'metadata', 'orderProductCode', 'sandbox', 'subOrders', 'successUrl', 'failUrl'],
);
const METHOD_OPTIONS = {
  CARD: 'card',
  VIRTUAL_ACCOUNT: 'virtualAccount',
  TRANSFER: 'transfer',
  MOBILE_PHONE: 'mobilePhone',
  CULTURE_GIFT_CERTIFICATE: null,
  BOOK_GIFT_CERTIFICATE: null,
  GAME_GIFT_CERTIFICATE: null,
  FOREIGN_EASY_PAY: 'foreignEasyPay',
};
const BODY_OPTIONS = [
  ...['flowMode', 'cardCompany', 'easyPay', 'cardInstallmentPlan', 'maxCardInstallmentPlan', 'useCardPoint', 'discountCode'],
  ...['validHours', 'dueDate', 'cashReceipt', 'useEscrow', 'escrowProducts', 'refundReceiveAccount', 'isCulturalExpenses'],
  ...['mobileCarriers', 'provider', 'country', 'taxExemptionAmount'],
];

function checkCommon(params) {
  checkTexts(params, ['orderId', 'orderName', 'customerName', 'customerEmail', 'customerMobilePhone']);
  if (!/^[A-Za-z0-9\-_=]{6,64}$/.test(params.orderId)) refuse('INVALID_PARAMETERS', 'orderId');
  if (params.orderName.length > 100) refuse('INVALID_PARAMETERS', 'orderName');
  checkMetadata(params.metadata);
}

function checkoutBody(params, amount, method, options) {
  const chosen = Object.fromEntries(BODY_OPTIONS.filter((name) => isGiven(options[name])).map((name) => [name, options[name]]));
  const { orderId, orderName, successUrl, failUrl, customerName, customerEmail, customerMobilePhone } = params;
  const { taxFreeAmount, metadata, pendingUrl } = params;
  const who = { customerName, customerEmail, customerMobilePhone };
  const what = { method, amount: amount.value, currency: amount.currency, orderId, orderName, taxFreeAmount, metadata };
  return { ...what, ...who, successUrl, failUrl, pendingUrl, ...chosen };
}

async function requestPayment(clientKey, params) {
  if (!isObject(params)) refuse('INVALID_PARAMETERS');
  const { method, amount } = params;
  if (!(method in METHOD_OPTIONS)) refuse('NOT_SUPPORTED_METHOD');
  const own = METHOD_OPTIONS[method];
  checkNames(params, ['method', 'amount', 'orderId', 'orderName'], own ? [...COMMON_NAMES, own] : COMMON_NAMES);
  checkAmount(amount);
  checkCommon(params);
  const redirecting = checkUrls(params);
  // The type file knows foreign easy pay by redirect only.
  if (method === 'FOREIGN_EASY_PAY' && !redirecting) refuse('NOT_SUPPORTED_PROMISE');
  const target = windowTarget(params.windowTarget, redirecting);
  const options = (own && params[own]) || {};
  const body = checkoutBody(params, amount, method, options);
  const result = await runPayment(clientKey, body, options.flowMode === 'DIRECT', target, redirecting);
  return { paymentKey: result.paymentKey, orderId: result.orderId, amount: { value: result.amount, currency: amount.currency } };
}

async function requestBillingAuth(clientKey, customerKey, params) {
  if (!isObject(params)) refuse('INVALID_PARAMETERS');
  const { method, successUrl, failUrl, customerName, cardCompany } = params;
  if (!['CARD', 'TRANSFER'].includes(method)) refuse('NOT_SUPPORTED_METHOD');
  if (!checkUrls(params)) refuse('INCORRECT_SUCCESS_URL_FORMAT');
  const body = { method, customerKey, successUrl, failUrl, customerName, cardCompany };
  return runBillingAuth(clientKey, body, windowTarget(params.windowTarget, true));
}

async function destroy() {
  if (!abortWindow('PAYMENT_REQUEST_ABORTED')) refuse('NO_ACTIVE_PAYMENT_REQUEST');
}

function payment(clientKey, params) {
  checkClientKey(clientKey, 'ck');
  checkCustomerKey(params?.customerKey);
  return {
    requestPayment: (request) => requestPayment(clientKey, request),
    requestBillingAuth: (request) => requestBillingAuth(clientKey, params.customerKey, request),
    destroy,
  };
}

function brandpay() {
  const refused = async () => refuse('UNSUPPORTED_TEST_PHASE_PAYMENT_METHOD', 'brandpay');
  const names = ['requestPayment', 'changePassword', 'addPaymentMethod', 'openSettings', 'changeOneTouchPay'];
  return Object.fromEntries([...names, 'isOneTouchPayEnabled', 'requestBillingAuth'].map((name) => [name, refused]));
}

function TossPayments(clientKey) {
  return {
    payment: (params) => payment(clientKey, params),
    widgets: (params) => widgets(clientKey, params),
    brandpay: (params) => brandpay(clientKey, params),
  };
}

TossPayments.ANONYMOUS = ANONYMOUS;
window.TossPayments = TossPayments;
