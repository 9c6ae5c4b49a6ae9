// The window over the shop's page: a dialog with a frame, in a shadow tree so that no style leaks either way.
const OVERLAY_CSS = `
  dialog { padding: 0; border: 0; width: min(30rem, 100vw); height: min(48rem, 100dvh); max-width: none; max-height: none;
    border-radius: 1.25rem; overflow: hidden; background: Canvas; color: CanvasText; color-scheme: light dark;
    box-shadow: 0 1.5rem 4rem rgb(0 0 0 / .35); font: 500 .95rem/1.4 system-ui, sans-serif; }
  dialog[open] { display: grid; grid-template-rows: auto 1fr; }
  dialog::backdrop { background: rgb(0 0 0 / .5); }
  header { display: flex; align-items: center; justify-content: space-between; padding: .35rem .35rem .35rem 1.25rem; }
  button { width: 2.75rem; height: 2.75rem; border: 0; border-radius: .75rem; background: none; color: inherit;
    font: 400 1.5rem/1 system-ui, sans-serif; cursor: pointer; }
  button:hover { background: color-mix(in srgb, currentColor 10%, transparent); }
  iframe { width: 100%; height: 100%; border: 0; }
  @media (max-width: 30rem) { dialog { width: 100vw; height: 100dvh; border-radius: 0; } }
`;

function shadowHost(css) {
  const host = document.createElement('div');
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  return { host, root };
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, '');
    else if (isGiven(value) && value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Draws a dialog with `content`; the returned function takes it away. `onClose` hears the customer close it. */
function drawDialog(title, css, content, onClose) {
  const { host, root } = shadowHost(OVERLAY_CSS + css);
  const close = element('button', { type: 'button', 'aria-label': '결제창 닫기' }, '×');
  const dialog = element('dialog', { 'aria-label': title }, element('header', {}, element('span', {}, title), close), content);
  host.dataset.paywonSandbox = 'window';
  root.append(dialog);
  document.body.append(host);
  close.addEventListener('click', onClose);
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    onClose();
  });
  dialog.showModal();
  return () => host.remove();
}

/** Shows a window in a frame. The promise brings the address at which the window ended. */
function openFrame(url, title) {
  let finish;
  const ended = new Promise((resolve, reject) => (finish = { resolve, reject }));
  const source = withQuery(url, { opener: location.origin });
  const frame = element('iframe', { src: source, title, allow: 'payment', referrerpolicy: 'no-referrer' });
  const remove = drawDialog(title, '', frame, () => abort('USER_CANCEL'));
  const listen = (event) => {
    if (event.source !== frame.contentWindow || event.origin !== new URL(source).origin) return;
    if (event.data?.type === 'paywon-sandbox:left') leave(() => finish.resolve(event.data.url));
  };
  const leave = (then) => {
    window.removeEventListener('message', listen);
    remove();
    then();
  };
  const abort = (code) => leave(() => finish.reject(new TossPaymentsError(code)));
  window.addEventListener('message', listen);
  return { ended, abort };
}
