/* The letter's QR leads to /b#CODE: a fragment, which no server, proxy or referrer ever sees. This copies it into the
   field and takes it out of the address bar and the history. Without script the code is typed; nothing is sent here. */
(function () {
  "use strict";
  function take() {
    var field = document.getElementById("code");
    var code = location.hash.slice(1);
    if (!field || !code || code === "inhalt" || code === "code") return; // links of the page itself
    history.replaceState(null, "", location.pathname);
    if (!/^[0-9A-Za-z-]{13,16}$/.test(code)) return;
    field.value = code.toUpperCase();
    document.getElementById("geburt_tag").focus();
  }
  take();
  addEventListener("hashchange", take); // the same letter scanned once more into the same window
})();
