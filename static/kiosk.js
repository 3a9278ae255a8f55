// Handle the keypad without a round trip to the server. The page also works without this script.
"use strict";

const FORGET_AFTER_MS = 60_000; // clear what somebody typed before walking away
const pad = document.getElementById("pad");
let field = document.getElementById("code");
let forget;

function touched() {
  clearTimeout(forget);
  forget = setTimeout(() => {
    pad.querySelectorAll("input.code").forEach((input) => { input.value = ""; });
    if (pad.dataset.reset) location.assign(pad.dataset.reset); // the next person sees the kiosk's own language
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
// A scanner types like a keyboard, whatever has the focus: its digits belong in the field.
document.addEventListener("keydown", (event) => {
  if (/^[0-9]$/.test(event.key) && !event.target.matches("input")) field.focus();
});
if (pad.dataset.reset) touched();
