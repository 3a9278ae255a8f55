// Conveniences for the Returns page, which also works without this script.
"use strict";

const boxes = document.querySelectorAll("#round input[name=packages]");
const all = document.getElementById("all");
const print = document.getElementById("print");

if (all) {
  all.hidden = false;
  all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
}
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
