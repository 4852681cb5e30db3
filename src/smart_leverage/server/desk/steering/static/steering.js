// What makes the actions quicker; without it every one of them works as a plain form.
"use strict";

(() => {
  const dialog = document.getElementById("dialog");

  // What arrives in the dialog gets the focus where it is to be used; desk.js opens the dialog.
  document.addEventListener("htmx:after:swap", () => {
    if (!dialog || !dialog.open || !dialog.querySelector(".act")) return;
    const first = dialog.querySelector("[autofocus]") || dialog.querySelector("button, input, a");
    if (first) first.focus();
  });

  // `h` opens the form of the halt, Enter confirms it there; no single key orders anything.
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea, [contenteditable]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.key !== "h") return;
    if (dialog && dialog.open) return;
    const link = document.querySelector("[data-act=h]");
    if (link) {
      event.preventDefault();
      link.focus(); // where the focus returns when the dialog closes
      link.click();
    }
  });

  // On a phone the halt is held for a second, so that no pocket presses it.
  const isTouch = window.matchMedia("(pointer: coarse)");
  for (const form of document.querySelectorAll("form[data-hold]")) {
    const button = form.querySelector("button");
    let since = 0;
    const begin = () => { since = performance.now(); form.classList.add("holding"); };
    const end = () => form.classList.remove("holding");
    button.addEventListener("pointerdown", begin);
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
      button.addEventListener(name, end);
    }
    button.addEventListener("click", (event) => {
      const isByKey = event.detail === 0;
      if (!isTouch.matches || isByKey) return;
      if (performance.now() - since < Number(form.dataset.hold)) {
        event.preventDefault();
        button.textContent = "Halt: hold for 1 s";
      }
    });
  }
})();
