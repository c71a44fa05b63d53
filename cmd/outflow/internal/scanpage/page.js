"use strict";
// Tables can be sorted by their columns, and alerts can be filtered. Without this script all is there to read.
for (const table of document.querySelectorAll("table.scan-sort")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((th, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = th.textContent;
    th.textContent = "";
    th.append(button);
    button.addEventListener("click", () => {
      const down = th.getAttribute("aria-sort") === "ascending";
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
      const rows = [...table.tBodies[0].rows].sort((a, b) => key(a).localeCompare(key(b), "en", { numeric: true }));
      table.tBodies[0].append(...(down ? rows.reverse() : rows));
    });
  });
}
const find = document.getElementById("find");
if (find) {
  find.closest(".scan-find").hidden = false;
  const none = document.getElementById("none");
  find.addEventListener("input", () => {
    const words = find.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const part of document.querySelectorAll(".scan-case")) {
      const text = part.textContent.toLowerCase();
      part.hidden = !words.every((w) => text.includes(w));
      shown += part.hidden ? 0 : 1;
    }
    none.hidden = shown > 0;
  });
}
const open = () => {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (target) target.querySelectorAll(":scope > details").forEach((d) => { d.open = true; });
};
addEventListener("hashchange", open);
open();
