"use strict";
(function () {
  var all = function (selector, within) { return Array.prototype.slice.call((within || document).querySelectorAll(selector)); };
  var get = function (id) { return document.getElementById(id); };

  // Times are in UTC until they are written in the reader's zone.
  var two = function (n) { return (n < 10 ? "0" : "") + n; };
  var local = function (d) {
    return d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate()) + " " + two(d.getHours()) + ":" + two(d.getMinutes());
  };
  all("time[datetime*=T]").forEach(function (e) {
    var d = new Date(e.dateTime);
    if (isNaN(d)) { return; }
    var utc = d.toISOString().slice(0, 16).replace("T", " ") + " UTC";
    if (e.className === "ago") { e.title = local(d) + " (" + utc + ")"; return; }
    e.title = utc;
    e.textContent = local(d);
  });
  var zone = get("zone"), name = "";
  try { name = Intl.DateTimeFormat().resolvedOptions().timeZone || ""; } catch (e) { name = ""; }
  if (zone) {
    var off = -new Date().getTimezoneOffset(), sign = off < 0 ? "-" : "+", abs = Math.abs(off);
    zone.textContent = (name ? name + " " : "") + "(UTC" + (off ? sign + two(Math.floor(abs / 60)) + ":" + two(abs % 60) : "") + ")";
  }

  // Keys.
  var help = get("help"), opened = null;
  var showHelp = function () { opened = document.activeElement; help.showModal(); };
  if (help) {
    help.addEventListener("close", function () { if (opened) { opened.focus(); } });
    var keys = get("keys");
    if (keys) { keys.hidden = false; keys.addEventListener("click", showHelp); }
  }
  var rows = function () { return all("#queue .row > a, #queue .row .open"); };
  document.addEventListener("keydown", function (e) {
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && e.target.type !== "checkbox" || help && help.open) { return; }
    var list = rows(), at = list.indexOf(document.activeElement);
    if (e.key === "?" && help) { showHelp(); }
    else if (e.key === "j" && list.length) { list[Math.min(at + 1, list.length - 1)].focus(); }
    else if (e.key === "k" && list.length) { list[Math.max(at - 1, 0)].focus(); }
    else if (e.key === "/" && get("q")) { get("q").focus(); get("q").select(); }
    else if (e.key === "r") { location.reload(); }
    else if (e.key === "a" && get("ack")) { get("ack").click(); }
    else if (e.key === "c" && get("note")) { get("note").focus(); }
    else { return; }
    e.preventDefault();
  });

  // Alerts that come while the page is open do not move what is on it.
  if (!document.body.dataset.live || !window.EventSource) { return; }
  var come = {}, say = get("live"), stream = new EventSource("/v1/stream");
  stream.addEventListener("alert", function (e) {
    try { come[JSON.parse(e.data).alert.id] = true; } catch (x) { return; }
    var n = Object.keys(come).length, a = document.createElement("a");
    a.href = location.pathname === "/" ? location.href : "/";
    a.textContent = "Refresh";
    say.textContent = (n === 1 ? "1 new or updated alert. " : n + " new or updated alerts. ");
    say.appendChild(a);
  });
})();
