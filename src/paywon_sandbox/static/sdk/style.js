// The widgets' look. They stand in the shop's page, so they keep to light colours as most shops do.
const WIDGET_CSS = `
  .widget { box-sizing: border-box; margin-bottom: .75rem; padding: 1.25rem; border: 1px solid #d1d6db; border-radius: 1rem; background: #fff;
    color: #191f28; color-scheme: light; font: 400 1rem/1.5 system-ui, "Apple SD Gothic Neo", "Noto Sans KR", sans-serif; word-break: keep-all; }
  .note { margin: 0 0 .75rem; color: #5c4400; background: #fff3c4; border-radius: .5rem; padding: .35rem .75rem; font-size: .8rem; }
  h2 { margin: 0 0 .75rem; font-size: 1.05rem; }
  .methods { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .5rem; }
  label { cursor: pointer; }
  .method { display: flex; align-items: center; gap: .5rem; min-height: 3rem; padding: 0 .75rem; white-space: nowrap; letter-spacing: -.01em; border: 1px solid #d1d6db; border-radius: .75rem; }
  .method:has(:checked) { border-color: #1b64da; box-shadow: inset 0 0 0 1px #1b64da; font-weight: 600; }
  input { width: 1.15rem; height: 1.15rem; margin: 0; flex: none; accent-color: #1b64da; }
  .card { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; margin-top: .75rem; }
  .card[hidden] { display: none; }
  .card label { display: grid; gap: .2rem; font-size: .85rem; color: #4e5968; }
  select { min-height: 2.75rem; padding: .4rem .6rem; font: inherit; color: #191f28; background: #fff; border: 1px solid #d1d6db; border-radius: .6rem; }
  .term { display: flex; align-items: center; gap: .6rem; min-height: 2.75rem; }
  .pay { width: 100%; height: auto; min-height: 3.25rem; margin-top: 1rem; border-radius: .9rem; background: #1b64da; color: #fff; font: 600 1rem/1 system-ui, sans-serif; }
  .pay:hover { background: #1957c2; }
  .pay:disabled { opacity: .45; cursor: default; }
  .whole { overflow: auto; padding: 0 1rem 1rem; display: grid; gap: .75rem; align-content: start; }
  :focus-visible { outline: 3px solid #1b64da; outline-offset: 2px; }
`;
