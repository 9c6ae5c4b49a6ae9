// The window has ended inside a frame: tell the shop's script, and nobody else, where it would have gone.
'use strict';
const handover = document.getElementById('handover');
const message = { type: 'paywon-sandbox:left', url: handover.dataset.target };
window.parent.postMessage(message, handover.dataset.origin);
