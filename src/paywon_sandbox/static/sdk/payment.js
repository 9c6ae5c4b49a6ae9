// One window at a time, in a frame or in place of the page, with the outcome by redirect or by promise.
const current = { busy: false, frame: null };

window.addEventListener('pageshow', (event) => {
  // Back from a window that had taken the page's place.
  if (event.persisted) current.busy = false;
});

const never = () => new Promise(() => {});

/** Runs `open` (which asks the sandbox for a window's address) and then shows the window. */
async function runWindow({ open, title, target, redirecting }) {
  if (current.busy) refuse('INVALID_METHOD_TRANSACTION');
  current.busy = true;
  try {
    const url = await open();
    if (target === 'self') return await leaveFor(url);
    current.frame = openFrame(url, title);
    const end = await current.frame.ended;
    return redirecting ? await leaveFor(end) : outcome(end);
  } finally {
    current.busy = false;
    current.frame = null;
  }
}

function leaveFor(url) {
  location.assign(url);
  return never();
}

/** The outcome that the redirect would have carried; a customer who gave up is USER_CANCEL here. */
function outcome(url) {
  const query = new URL(url).searchParams;
  const code = query.get('code');
  if (code === 'PAY_PROCESS_CANCELED') refuse('USER_CANCEL');
  if (code) throw new TossPaymentsError(code, { message: query.get('message'), orderId: query.get('orderId') });
  return {
    paymentType: query.get('paymentType'),
    paymentKey: query.get('paymentKey'),
    orderId: query.get('orderId'),
    amount: Number(query.get('amount')),
  };
}

function abortWindow(code) {
  if (!current.frame) return false;
  current.frame.abort(code);
  return true;
}

/** Opens the payment window, with `only` the chosen method in it. The server always wants addresses: else the page's own. */
function runPayment(clientKey, body, only, target, redirecting) {
  const here = location.origin + location.pathname;
  const sent = redirecting ? body : { ...body, successUrl: here, failUrl: here };
  const open = async () => withQuery((await send('/sandbox/checkout', clientKey, sent)).checkoutUrl, { only });
  return runWindow({ open, title: '테스트 결제', target, redirecting });
}

function runBillingAuth(clientKey, body, target) {
  const open = async () => (await send('/sandbox/billing-checkout', clientKey, body)).windowUrl;
  return runWindow({ open, title: '자동결제 등록', target, redirecting: true });
}
