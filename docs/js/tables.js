// On a phone, each cell stands below the previous one, so it shows the name of its column.
for (const table of document.querySelectorAll(".md-typeset table:not([class])")) {
  const names = [...table.querySelectorAll("th")].map((cell) => cell.textContent);
  for (const row of table.tBodies[0]?.rows ?? []) {
    for (const cell of [...row.cells].slice(1)) {
      cell.dataset.column = names[cell.cellIndex];
    }
  }
}
