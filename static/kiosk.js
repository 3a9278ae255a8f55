// The keys of the code pad without a round trip to the server; it works without this, too.
"use strict";

const FORGET_AFTER_MS = 60_000; // what somebody typed and left behind
const pad = document.getElementById("pad");
let field = document.getElementById("code");
let forget;

function touched() {
  clearTimeout(forget);
  forget = setTimeout(() => {
    pad.querySelectorAll("input.code").forEach((input) => { input.value = ""; });
    if (pad.dataset.reset) location.assign(pad.dataset.reset); // the next one finds the screen's own language
  }, FORGET_AFTER_MS);
}

function press(key) {
  if (key === "clear") {
    field.value = "";
  } else if (key === "back") {
    field.value = field.value.slice(0, -1);
  } else if (field.value.length < field.maxLength) {
    field.value += key;
  }
}

pad.addEventListener("focusin", (event) => {
  if (event.target.matches("input.code")) field = event.target;
});
pad.addEventListener("input", touched);
pad.addEventListener("click", (event) => {
  const key = event.target.closest("button[name=press]");
  if (!key) return;
  event.preventDefault();
  press(key.value);
  touched();
});
// A scanner types like a keyboard, wherever the last finger was: its digits belong into the field.
document.addEventListener("keydown", (event) => {
  if (/^[0-9]$/.test(event.key) && !event.target.matches("input")) field.focus();
});
if (pad.dataset.reset) touched();
