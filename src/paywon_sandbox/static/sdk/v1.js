// The older SDK: TossPayments(clientKey).requestPayment(method, options).
const V1_METHODS = {
  카드: 'CARD',
  가상계좌: 'VIRTUAL_ACCOUNT',
  휴대폰: 'MOBILE_PHONE',
  계좌이체: 'TRANSFER',
  문화상품권: 'CULTURE_GIFT_CERTIFICATE',
  게임문화상품권: 'GAME_GIFT_CERTIFICATE',
  도서문화상품권: 'BOOK_GIFT_CERTIFICATE',
  해외간편결제: 'FOREIGN_EASY_PAY',
  토스페이: 'TOSSPAY',
  토스결제: 'TOSSPAY',
  미선택: '',
};
const V1_CODES = new Set(Object.values(V1_METHODS));
const V1_PAGE_ONLY = ['windowTarget', 'forceFailure', 'mId', 'methodType', 'appScheme'];

function v1Method(wanted) {
  const code = V1_METHODS[wanted] ?? wanted ?? '';
  if (!V1_CODES.has(code)) refuse('NOT_SUPPORTED_METHOD');
  return code;
}

/** (method, options) or (options) alone: then the customer chooses the method in the window. */
async function v1RequestPayment(clientKey, first, second) {
  const [wanted, options] = isObject(first) ? [undefined, first] : [first, second];
  if (!isObject(options)) refuse('INVALID_PARAMETER');
  const method = v1Method(wanted);
  const redirecting = checkUrls(options);
  const target = windowTarget(options.windowTarget, redirecting);
  const body = Object.fromEntries(Object.entries(options).filter(([name]) => !V1_PAGE_ONLY.includes(name)));
  if (method) body.method = method === 'TOSSPAY' ? 'EASY_PAY' : method;
  if (method === 'TOSSPAY') body.easyPay = method;
  const only = options.flowMode === 'DIRECT' || method === 'TOSSPAY';
  const result = await runPayment(clientKey, body, only, target, redirecting);
  return { paymentKey: result.paymentKey, orderId: result.orderId, amount: result.amount };
}

async function v1RequestBillingAuth(clientKey, method, options) {
  if (!['카드', 'CARD'].includes(method)) refuse('NOT_SUPPORTED_METHOD');
  if (!isObject(options)) refuse('INVALID_PARAMETER');
  checkCustomerKey(options.customerKey);
  if (!checkUrls(options)) refuse('NOT_SUPPORTED_PROMISE');
  const { customerKey, successUrl, failUrl, customerName } = options;
  const body = { method: 'CARD', customerKey, successUrl, failUrl, customerName };
  return runBillingAuth(clientKey, body, windowTarget(options.windowTarget, true));
}

function TossPayments(clientKey) {
  checkClientKey(clientKey);
  return {
    requestPayment: (method, options) => v1RequestPayment(clientKey, method, options),
    requestBillingAuth: (method, options) => v1RequestBillingAuth(clientKey, method, options),
    cancelPayment: () => void abortWindow('USER_CANCEL'),
  };
}

TossPayments.version = '1-paywon-sandbox';
window.TossPayments = TossPayments;
