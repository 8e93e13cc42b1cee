/* The form of a declaration: keys, paste and autosave. Without this file it is a plain paged form. */
(function () {
  "use strict";

  var form = document.querySelector("[data-grid]");
  if (!form) return;
  var columns = ["days", "wage", "situation"];
  var state = form.querySelector("[data-state]");
  var timer = 0;
  // After a conflict the page shows what was typed and is not stored: it goes with whatever is done next.
  var changed = form.hasAttribute("data-unsaved");
  var saving = null;
  var leaving = false;

  // -- moving ------------------------------------------------------------------------------------

  function rows() {
    return Array.prototype.slice.call(form.querySelectorAll("tr[data-line]"));
  }
  function cellOf(row, column) {
    return row && row.querySelector("[data-column=" + column + "]");
  }
  function go(cell) {
    if (!cell) return false;
    cell.focus();
    if (cell.select) cell.select();
    return true;
  }
  form.addEventListener("keydown", function (event) {
    var cell = event.target;
    var column = cell.dataset.column;
    if (!column || event.altKey || event.ctrlKey || event.metaKey) return;
    var row = cell.closest("tr");
    var text = cell.tagName === "INPUT";
    var moved = false;
    if (event.key === "ArrowDown" && text) moved = go(cellOf(row.nextElementSibling, column));
    else if (event.key === "ArrowUp" && text) moved = go(cellOf(row.previousElementSibling, column));
    else if (event.key === "Enter" && text) {
      go(cellOf(event.shiftKey ? row.previousElementSibling : row.nextElementSibling, column));
      moved = true; // Enter never sends the page
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      var ahead = (event.key === "ArrowRight") === (document.dir !== "rtl" && document.documentElement.dir !== "rtl");
      var all = text && cell.selectionStart === 0 && cell.selectionEnd === cell.value.length;
      var edge = text && cell.selectionStart === cell.selectionEnd && cell.selectionStart === (event.key === "ArrowRight" ? cell.value.length : 0);
      if (!text || all || edge) {
        moved = go(cellOf(row, columns[columns.indexOf(column) + (ahead ? 1 : -1)]));
      }
    }
    if (moved) event.preventDefault();
  });

  // -- pasting -----------------------------------------------------------------------------------

  function situationOf(select, text) {
    var wanted = text.trim().toLowerCase();
    var option = Array.prototype.find.call(select.options, function (one) {
      return one.value.toLowerCase() === wanted || one.text.trim().toLowerCase() === wanted;
    });
    // What is no situation is kept as it was pasted, for the rules to say so.
    if (option) select.value = option.value;
    else select.add(new Option(text.trim().slice(0, 40), text.trim().slice(0, 40), true, true));
  }
  function put(cell, text) {
    if (!cell) return;
    if (cell.tagName === "SELECT") situationOf(cell, text);
    else cell.value = text.trim().slice(0, 40);
  }
  form.addEventListener("paste", function (event) {
    var cell = event.target;
    var column = cell.dataset.column;
    var pasted = event.clipboardData.getData("text").replace(/\r\n?/g, "\n").replace(/\n$/, "");
    if (!column || !/[\n\t]/.test(pasted)) return;
    event.preventDefault();
    var lines = pasted.split("\n");
    var here = rows();
    var from = here.indexOf(cell.closest("tr"));
    var paste = document.querySelector("[data-paste]");
    if (lines.length > here.length - from && paste) {
      // It goes on over the next pages: the server writes it from this line down.
      paste.elements.column.value = column;
      paste.elements.first_line.value = here[from].dataset.line;
      paste.elements.text.value = pasted;
      paste.requestSubmit();
      return;
    }
    lines.forEach(function (line, down) {
      line.split("\t").forEach(function (text, along) {
        put(cellOf(here[from + down], columns[columns.indexOf(column) + along]), text);
      });
    });
    touch();
  });

  // -- saving ------------------------------------------------------------------------------------

  function say(what) {
    state.textContent = what ? form.dataset[what] : "";
  }
  function touch() {
    changed = true;
    window.clearTimeout(timer);
    timer = window.setTimeout(save, 700);
  }
  form.addEventListener("input", touch);
  form.addEventListener("change", touch);

  function take(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html");
    fresh.querySelectorAll("[data-live]").forEach(function (piece) {
      var old = document.getElementById(piece.id);
      if (old && old.innerHTML !== piece.innerHTML) old.replaceChildren.apply(old, Array.prototype.slice.call(piece.childNodes));
    });
    fresh.querySelectorAll("[data-column]").forEach(function (cell) {
      var old = form.elements[cell.name];
      if (old) old.classList.toggle("is-invalid", cell.classList.contains("is-invalid"));
    });
    var version = fresh.querySelector("[data-version]").value;
    document.querySelectorAll("[data-version]").forEach(function (field) {
      field.value = version;
    });
  }
  function save() {
    window.clearTimeout(timer);
    if (saving) return saving;
    if (!changed || leaving) return Promise.resolve(true);
    changed = false;
    say("saving");
    saving = window.fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-Saisie": "1" }, redirect: "manual" })
      .then(function (answer) {
        form.removeAttribute("data-unsaved");
        if (answer.status !== 200) {
          // Changed elsewhere, submitted, signed out: the whole page says it, with what was typed.
          leaving = true;
          form.submit();
          return false;
        }
        return answer.text().then(function (text) {
          take(text);
          say("saved");
          return true;
        });
      })
      .catch(function () {
        changed = true;
        say("lost");
        timer = window.setTimeout(save, 5000);
        return false;
      })
      .then(function (done) {
        saving = null;
        return done && changed ? save() : done;
      });
    return saving;
  }

  // What leaves the page waits for the save in progress, so that both carry the right version.
  document.addEventListener("submit", function (event) {
    var sent = event.target;
    var ours = sent === form;
    if (leaving || (!ours && !sent.hasAttribute("data-after-save"))) return;
    if (ours && !saving) {
      leaving = true; // the page itself carries what was typed
      return;
    }
    if (!ours && !saving && !changed) return;
    event.preventDefault();
    event.stopPropagation();
    var button = event.submitter;
    save().then(function (done) {
      if (!done) return;
      leaving = ours;
      sent.requestSubmit(button);
    });
  }, true);
  // A link followed too: the next page then starts from what was typed here.
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[href]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || link.origin !== window.location.origin) return;
    if (leaving || !(saving || changed) || form.hasAttribute("data-unsaved")) return;
    event.preventDefault();
    save().then(function (done) {
      if (done) window.location.assign(link.href);
    });
  });
  window.addEventListener("pagehide", function () {
    if (changed && !leaving && !saving && !form.hasAttribute("data-unsaved")) window.fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-Saisie": "1" }, keepalive: true });
  });
  // A page taken back from the browser's memory may be older than the draft.
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) window.location.reload();
  });
})();
