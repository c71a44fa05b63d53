"use strict";
(function () {
  var rows = function () { return Array.prototype.slice.call(document.querySelectorAll("#queue .row a")); };
  document.addEventListener("keydown", function (e) {
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) { return; }
    var list = rows(), at = list.indexOf(document.activeElement);
    if (e.key === "j" && list.length) { list[Math.min(at + 1, list.length - 1)].focus(); }
    else if (e.key === "k" && list.length) { list[Math.max(at - 1, 0)].focus(); }
    else if (e.key === "/" && document.getElementById("q")) { document.getElementById("q").focus(); }
    else if (e.key === "a" && document.getElementById("ack")) { document.getElementById("ack").click(); }
    else if (e.key === "c" && document.getElementById("note")) { document.getElementById("note").focus(); }
    else { return; }
    e.preventDefault();
  });
  if (!document.body.dataset.live || !window.EventSource) { return; }
  var come = 0, say = document.getElementById("live"), stream = new EventSource("/v1/stream");
  stream.addEventListener("alert", function () {
    come++;
    say.textContent = "";
    var a = document.createElement("a");
    a.href = "/";
    a.textContent = come === 1 ? "1 change: show" : come + " changes: show";
    say.appendChild(a);
  });
})();
