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

  // A page that is meant to be printed says so; without script the browser's own menu does it.
  document.querySelectorAll("button[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  // How much of a file has left: only the browser knows.
  document.addEventListener("htmx:xhr:progress", function (event) {
    var box = event.target.querySelector("[data-sending]");
    if (!box || !event.detail.lengthComputable || !event.detail.total) return;
    var part = event.detail.loaded / event.detail.total;
    box.hidden = false;
    box.querySelector("progress").value = part;
    box.querySelector("[data-part]").textContent = Math.floor(100 * part) + "\u00a0%";
  });
  function upload(event) {
    var asked = event.detail.requestConfig;
    return asked && asked.elt && asked.elt.hasAttribute("data-upload") ? asked.elt : null;
  }
  // The refusal of a file is a page: it is shown in place.
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (!upload(event) || event.detail.xhr.status === 204) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  });
  document.addEventListener("htmx:afterSwap", function () {
    var faults = document.querySelector("[data-error-summary]");
    if (faults) faults.focus();
  });
  document.addEventListener("htmx:beforeSend", function (event) {
    var form = upload(event);
    if (form) form.querySelector("[data-lost]").hidden = true;
  });
  document.addEventListener("htmx:sendError", function (event) {
    var form = upload(event);
    if (!form) return;
    form.querySelector("[data-lost]").hidden = false;
    form.querySelector("[data-sending]").hidden = true;
  });

  // A field named in that summary takes the focus when it is followed.
  document.addEventListener("click", function (event) {
    var link = event.target.closest(".dc-faults a");
    var field = link && document.getElementById(link.getAttribute("href").slice(1));
    if (!field) return;
    event.preventDefault();
    field.scrollIntoView({ block: "center" });
    field.focus({ preventScroll: true });
  });

  // After a refused form, the summary of what to correct takes the focus.
  var summary = document.querySelector("[data-error-summary]");
  if (summary) summary.focus();
})();
