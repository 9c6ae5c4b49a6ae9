// What Toss's scripts check before anything is sent.
const CUSTOMER_KEY = /^[A-Za-z0-9\-_=.@]{2,50}$/;
const CURRENCIES = ['KRW', 'USD', 'JPY'];

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isGiven = (value) => value !== undefined && value !== null;

/** `kind` is 'ck' (API keys), 'gck' (widget keys) or undefined for both; live keys have no place in a sandbox. */
function checkClientKey(clientKey, kind) {
  const match = /^test_(g?ck)_[A-Za-z0-9_-]+$/.exec(String(clientKey));
  if (!match) refuse('INVALID_CLIENT_KEY', 'test_ck_… / test_gck_…');
  if (kind === 'ck' && match[1] === 'gck') refuse('NOT_SUPPORTED_WIDGET_KEY');
  if (kind === 'gck' && match[1] === 'ck') refuse('NOT_SUPPORTED_API_INDIVIDUAL_KEY');
}

function checkCustomerKey(customerKey) {
  if (/^(test|live)_g?sk_/.test(String(customerKey))) refuse('INSECURE_KEY_USAGE');
  if (typeof customerKey !== 'string' || !CUSTOMER_KEY.test(customerKey)) refuse('INVALID_CUSTOMER_KEY');
}

/** Only names that the type file knows, where a name in `required` must be there. */
function checkNames(params, required, optional) {
  if (!isObject(params)) refuse('INVALID_PARAMETERS');
  const unknown = Object.keys(params).find((name) => !required.includes(name) && !optional.includes(name));
  if (unknown) refuse('INVALID_PARAMETERS', unknown);
  const missing = required.find((name) => !isGiven(params[name]));
  if (missing) refuse('INVALID_PARAMETERS', missing);
}

function checkTexts(params, names) {
  const wrong = names.find((name) => isGiven(params[name]) && typeof params[name] !== 'string');
  if (wrong) refuse('INVALID_PARAMETERS', wrong);
}

function checkAmount(amount) {
  if (!isObject(amount)) refuse('INVALID_PARAMETERS', 'amount');
  const { value, currency } = amount;
  if (!CURRENCIES.includes(currency)) refuse('INVALID_AMOUNT_CURRENCY');
  if (typeof value !== 'number' || !Number.isFinite(value)) refuse('INVALID_AMOUNT_VALUE');
  if (value <= 0) refuse('BELOW_ZERO_AMOUNT');
  if (currency === 'KRW' && !Number.isInteger(value)) refuse('INVALID_AMOUNT_VALUE');
}

function checkMetadata(metadata) {
  if (!isGiven(metadata)) return;
  if (!isObject(metadata)) refuse('INVALID_METADATA');
  const pairs = Object.entries(metadata);
  const fits = ([key, value]) =>
    key.length <= 40 && !/[[\]]/.test(key) && typeof value === 'string' && value.length <= 2000;
  if (pairs.length > 5 || !pairs.every(fits)) refuse('INVALID_METADATA');
}

/** On the web, or of a phone application's own scheme; never what a browser itself makes something of. */
function isAbsolute(url) {
  const [, scheme] = (typeof url === 'string' && /^([a-z][a-z0-9+.-]*):\/\/[^/\s]/i.exec(url)) || [];
  const ofBrowsers = /^(about|blob|data|file|filesystem|ftp|javascript|mailto|tel|vbscript|view-source|wss?)$/i;
  return scheme !== undefined && !ofBrowsers.test(scheme) && URL.canParse(url);
}

/** Both addresses or none; true when the outcome comes by redirect, false when the promise brings it. */
function checkUrls({ successUrl, failUrl }) {
  if (!isGiven(successUrl) && !isGiven(failUrl)) return false;
  if (!isAbsolute(successUrl)) refuse('INCORRECT_SUCCESS_URL_FORMAT');
  if (!isAbsolute(failUrl)) refuse('INCORRECT_FAIL_URL_FORMAT');
  return true;
}

const isMobile = () =>
  navigator.userAgentData?.mobile || /Android|iPhone|iPad|iPod|Mobile/i.test(navigator.userAgent);

/** 'iframe' or 'self'. A phone has no frame, and a page without an origin of its own (file:) cannot be answered. */
function windowTarget(wanted, redirecting) {
  if (isGiven(wanted) && !['iframe', 'self'].includes(wanted)) refuse('INVALID_PARAMETERS', 'windowTarget');
  const framed = !isMobile() && wanted !== 'self' && location.origin !== 'null';
  if (!framed && !redirecting) refuse('NOT_SUPPORTED_PROMISE');
  return framed ? 'iframe' : 'self';
}
