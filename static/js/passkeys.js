/* Passkeys. A form with data-passkey="add" or "show" gets a working button; without this file it stays hidden;
   a browser that knows no passkeys says so. */
(function () {
  "use strict";
  if (!window.PublicKeyCredential) {
    document.querySelectorAll("[data-passkey-without]").forEach(function (said) { said.hidden = false; });
    return;
  }

  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (letter) { return letter.charCodeAt(0); });
  }

  function text(buffer) {
    var plain = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  // What the server sends is text; what the browser wants are bytes.
  function asked(options) {
    var key = options.publicKey;
    key.challenge = bytes(key.challenge);
    if (key.user) key.user.id = bytes(key.user.id);
    (key.excludeCredentials || []).concat(key.allowCredentials || []).forEach(function (known) { known.id = bytes(known.id); });
    return { publicKey: key };
  }

  function answered(credential) {
    var response = {};
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    });
    return JSON.stringify({
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment,
      clientExtensionResults: credential.getClientExtensionResults(),
      response: response
    });
  }

  function options(form) {
    if (form.dataset.options) return Promise.resolve(JSON.parse(form.dataset.options));
    return fetch(form.dataset.optionsUrl, { headers: { Accept: "application/json" } }).then(function (answer) {
      if (!answer.ok) throw new Error("options");
      return answer.json();
    });
  }

  document.querySelectorAll("form[data-passkey]").forEach(function (form) {
    var adds = form.dataset.passkey === "add";
    var button = form.querySelector("[data-passkey-button]");
    var said = form.querySelector("[data-passkey-said]");
    form.querySelectorAll("[data-passkey-only]").forEach(function (part) { part.hidden = false; });
    button.addEventListener("click", function () {
      if (adds && !form.reportValidity()) return;
      said.hidden = true;
      button.disabled = true;
      options(form).then(function (found) {
        return adds ? navigator.credentials.create(asked(found)) : navigator.credentials.get(asked(found));
      }).then(function (credential) {
        form.querySelector("[data-passkey-answer]").value = answered(credential);
        form.submit();
      }).catch(function () {
        // Refused, cancelled or too slow: the person may try again or choose another way.
        button.disabled = false;
        said.hidden = false;
      });
    });
  });
})();
