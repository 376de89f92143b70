// What the page needs besides htmx: times that go on, the dialog, whether it is live, one key.
"use strict";

(() => {
  const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

  // "1h5m ago": two units at most, as the command line has it
  function ago(seconds) {
    let rest = Math.max(0, Math.round(seconds));
    const parts = [];
    for (const [unit, size] of UNITS) {
      const number = Math.floor(rest / size);
      rest -= number * size;
      if (number || parts.length) parts.push(number ? `${number}${unit}` : "");
      if (parts.length === 2) break;
    }
    return `${parts.join("") || "0s"} ago`;
  }

  function tellTimes() {
    const now = Date.now() / 1000;
    for (const one of document.querySelectorAll("time[datetime]")) {
      const text = ago(now - Date.parse(one.dateTime) / 1000);
      if (one.textContent !== text) one.textContent = text;
    }
  }

  function live(text, isLive) {
    const place = document.getElementById("live");
    place.textContent = text;
    place.classList.toggle("on", isLive);
  }

  const dialog = () => document.getElementById("dialog");

  // a token is not to be pasted where it would travel readable
  function guardTokens() {
    for (const form of document.querySelectorAll("form.sign-in")) {
      form.querySelector(".insecure").hidden = window.isSecureContext;
      form.querySelector("button.do").disabled = !window.isSecureContext;
    }
  }

  document.addEventListener("htmx:after:swap", () => {
    tellTimes();
    guardTokens();
    if (dialog().hasChildNodes() && !dialog().open) dialog().showModal();
    const first = dialog().open && dialog().querySelector("[autofocus]");
    if (first && !dialog().contains(document.activeElement)) first.focus();
  });
  document.addEventListener("close", (event) => {
    if (event.target === dialog()) dialog().replaceChildren();
  }, true);
  document.addEventListener("htmx:sse:after:connection", () => live("live", true));
  document.addEventListener("htmx:sse:error", () => live("not live: trying again", false));
  document.addEventListener("htmx:sse:close", () => live("not live", false));
  document.addEventListener("htmx:error", () => live("not live: trying again", false));
  document.addEventListener("keydown", (event) => {
    const filter = document.getElementById("filter");
    const typing = event.target.closest("input, select, textarea, dialog");
    if (event.key === "/" && filter && !typing) {
      event.preventDefault();
      filter.focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) dialog().close();
  });
  document.addEventListener("DOMContentLoaded", () => {
    tellTimes();
    guardTokens();
  });
  setInterval(tellTimes, 1000);
})();
