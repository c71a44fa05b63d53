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
    var precise = e.className === "precise";
    var utc = d.toISOString().slice(0, precise ? 19 : 16).replace("T", " ") + " UTC";
    if (e.className === "ago") { e.title = local(d) + " (" + utc + ")"; return; }
    e.title = utc;
    e.textContent = local(d) + (precise ? ":" + two(d.getSeconds()) : "");
  });
  var zone = get("zone"), name = "";
  try { name = Intl.DateTimeFormat().resolvedOptions().timeZone || ""; } catch (e) { name = ""; }
  if (zone) {
    var off = -new Date().getTimezoneOffset(), sign = off < 0 ? "-" : "+", abs = Math.abs(off);
    zone.textContent = (name ? name + " " : "") + "(UTC" + (off ? sign + two(Math.floor(abs / 60)) + ":" + two(abs % 60) : "") + ")";
  }

  // On narrow screens rows of links scroll: the current one is in view.
  all(".tabs [aria-current], .nav [aria-current]").forEach(function (a) {
    var box = a.parentNode;
    box.scrollLeft = Math.max(0, a.offsetLeft - box.offsetLeft - (box.clientWidth - a.offsetWidth) / 2);
  });

  // Filters apply at once.
  var filter = get("filter");
  if (filter) {
    get("apply").hidden = true;
    filter.addEventListener("change", function (e) { if (e.target.id !== "q") { filter.requestSubmit(); } });
    filter.addEventListener("submit", function () {
      all("select, input", filter).forEach(function (e) { if (!e.value) { e.disabled = true; } }); // short URLs
    });
    window.addEventListener("pageshow", function () { all("select, input", filter).forEach(function (e) { e.disabled = false; }); });
  }

  // Selecting alerts of the queue.
  var boxes = all("#queue input[type=checkbox]"), every = get("all"), last = null;
  var chosen = function () { return boxes.filter(function (b) { return b.checked; }); };
  var count = function () {
    var n = chosen().length, say = get("selected");
    if (!say) { return; }
    say.textContent = n ? n + " selected" : "";
    every.firstElementChild.checked = n > 0 && n === boxes.length;
    boxes.forEach(function (b) { b.parentElement.classList.toggle("on", b.checked); });
  };
  if (every && boxes.length) {
    every.hidden = false;
    every.addEventListener("change", function (e) {
      boxes.forEach(function (b) { b.checked = e.target.checked; });
      count();
    });
    boxes.forEach(function (b) {
      b.addEventListener("click", function (e) {
        var from = boxes.indexOf(last), to = boxes.indexOf(b);
        if (e.shiftKey && from >= 0) {
          boxes.slice(Math.min(from, to), Math.max(from, to) + 1).forEach(function (x) { x.checked = b.checked; });
        }
        last = b;
        count();
      });
    });
    count();
  }

  // Keys.
  var help = get("help"), opened = null;
  var showHelp = function () { opened = document.activeElement; help.showModal(); };
  if (help) {
    help.addEventListener("close", function () { if (opened) { opened.focus(); } });
    var keys = get("keys");
    if (keys) { keys.hidden = false; keys.addEventListener("click", showHelp); }
  }
  var links = all("#queue .open, #queue .row > a");
  var here = function () { // the row of the queue that has the focus
    var row = document.activeElement.closest(".row");
    return links.findIndex(function (l) { return l.closest(".row") === row; });
  };
  var box = function () { return here() < 0 ? null : links[here()].closest(".row").querySelector("input[type=checkbox]"); };
  var choose = function () { // what a decision is about: what is selected, or the row with the focus
    if (boxes.length && !chosen().length && box()) { box().checked = true; count(); }
    return !boxes.length || chosen().length > 0;
  };
  var press = function (id) { var e = get(id); if (e) { e.click(); } return !!e; };
  var act = {
    "j": function () { if (!links.length) { return press("next"); } links[Math.min(here() + 1, links.length - 1)].focus(); return true; },
    "k": function () { if (!links.length) { return press("previous"); } links[Math.max(here() - 1, 0)].focus(); return true; },
    "x": function () { if (!box()) { return false; } box().checked = !box().checked; count(); return true; },
    "A": function () { return every && !every.hidden ? (every.firstElementChild.click(), true) : false; },
    "a": function () { return choose() && press("ack"); },
    "c": function () {
      var d = get("close");
      if (!d || !choose()) { return false; }
      d.open = true;
      (d.querySelector("input[type=radio]:checked") || d.querySelector("input[type=radio]")).focus();
      return true;
    },
    "m": function () { var n = get("comment"); if (n) { n.focus(); } return !!n; },
    "z": function () { return press("undo"); },
    "u": function () { return press("back"); },
    "y": function () { return press("copy"); },
    "r": function () { location.reload(); return true; },
    "/": function () {
      var q = get("q");
      if (!q) { location.href = "/"; return true; }
      q.focus();
      q.select();
      return true;
    },
    "?": function () { if (help) { showHelp(); } return !!help; }
  };
  document.addEventListener("keydown", function (e) {
    var field = /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && e.target.type !== "checkbox" && e.target.type !== "radio";
    if (e.ctrlKey || e.metaKey || e.altKey || help && help.open) { return; }
    if (e.key === "Escape" && get("close") && get("close").open && get("close").contains(e.target)) {
      get("close").open = false;
      get("close").firstElementChild.focus();
      return;
    }
    if (e.key === "Enter" && /^(radio|checkbox)$/.test(e.target.type)) { // it chooses, and decides nothing
      e.preventDefault();
      return;
    }
    if (field || !Object.prototype.hasOwnProperty.call(act, e.key)) { return; }
    if (document.body.dataset.live && act[e.key]()) { e.preventDefault(); }
  });
  var close = get("close");
  if (close) { // a reason is asked for before the form is sent
    close.addEventListener("change", function (e) {
      if (e.target.name === "as") { needed(e.target.value); }
    });
    var needed = function (as) {
      get("note").required = as === "false" || as === "benign-true";
      get("duplicate_of").required = as === "duplicate";
      get("duplicate").hidden = as !== "duplicate";
    };
    var chosenAs = close.querySelector("[name=as]:checked");
    needed(chosenAs ? chosenAs.value : "");
    all("button:not([value=close])", close.closest("form")).forEach(function (b) { b.formNoValidate = true; });
  }
  if (location.hash.indexOf("#a-") === 0) { // back from an alert
    window.addEventListener("load", function () {
      setTimeout(function () { // the browser scrolls there first, and takes the focus away
        var from = get(location.hash.slice(1));
        if (from && from.querySelector(".open")) { from.querySelector(".open").focus(); }
      }, 50);
    });
  }
  var copy = get("copy");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", function () {
      navigator.clipboard.writeText(copy.dataset.text).then(function () { get("copied").textContent = "Copied"; });
    });
  }

  // Tables that can be sorted and filtered.
  all("table[data-sort]").forEach(function (table) {
    var body = table.tBodies[0], lines = all("tr", body);
    all("th", table.tHead).forEach(function (th, column) {
      if (th.dataset.nosort !== undefined) { return; }
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = th.textContent;
      th.textContent = "";
      th.appendChild(button);
      button.addEventListener("click", function () {
        var down = th.getAttribute("aria-sort") === "ascending";
        all("th", table.tHead).forEach(function (x) { x.removeAttribute("aria-sort"); });
        th.setAttribute("aria-sort", down ? "descending" : "ascending");
        var value = function (tr) { var td = tr.cells[column]; return td.dataset.value !== undefined ? td.dataset.value : td.textContent; };
        lines.slice().sort(function (a, b) {
          var x = value(a), y = value(b), n = x !== "" && y !== "" && !isNaN(x) && !isNaN(y) ? x - y : x.localeCompare(y);
          return down ? -n : n;
        }).forEach(function (tr) { body.appendChild(tr); });
      });
    });
    var find = table.dataset.filter && get(table.dataset.filter);
    if (!find) { return; }
    find.closest("label").hidden = false;
    find.addEventListener("input", function () {
      var want = find.value.toLowerCase().split(/\s+/), shown = 0;
      lines.forEach(function (tr) {
        var text = tr.textContent.toLowerCase();
        tr.hidden = !want.every(function (w) { return text.indexOf(w) >= 0; });
        shown += tr.hidden ? 0 : 1;
      });
      var say = get(table.dataset.filter + "-count");
      if (say) { say.textContent = find.value ? shown + " of " + lines.length + " shown" : ""; }
    });
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
