/* Small comforts. Every page works without this file. */
(function () {
  "use strict";

  // The entry of the current section stays in sight when the navigation is wider than the screen.
  var current = document.querySelector(".dc-nav a[aria-current]");
  if (current) {
    var list = current.closest(".dc-nav");
    var shift = current.getBoundingClientRect().left + current.offsetWidth / 2 - list.getBoundingClientRect().left - list.clientWidth / 2;
    list.scrollLeft += shift;
  }

  // An open menu closes on Escape and on a click elsewhere.
  document.addEventListener("click", function (event) {
    document.querySelectorAll("details.dc-menu[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    });
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.dc-menu[open]").forEach(function (menu) {
      menu.removeAttribute("open");
      menu.querySelector("summary").focus();
    });
  });

  // One click sends a form once. The server guards this too: this only spares the person a doubt.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    // A form that answers with a file leaves the page in place: give it back.
    window.setTimeout(release, 5000, form);
    form.querySelectorAll("button[type=submit]").forEach(function (button) {
      button.setAttribute("aria-disabled", "true");
    });
  });
  function release(form) {
    delete form.dataset.sent;
    form.querySelectorAll("button[aria-disabled]").forEach(function (button) {
      button.removeAttribute("aria-disabled");
    });
  }
  // A page taken back from the browser's memory can be sent again.
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(release);
  });

  // After a refused form, the summary of what to correct takes the focus.
  var summary = document.querySelector("[data-error-summary]");
  if (summary) summary.focus();
})();
