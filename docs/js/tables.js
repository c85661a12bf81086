// On a phone, each cell stands below the previous one, so it shows the name of its column.
// Short names and commands in tables stay on one line; long ones may wrap.
const LONG = 30;

for (const table of document.querySelectorAll(".md-typeset table:not([class])")) {
  const names = [...table.querySelectorAll("th")].map((cell) => cell.textContent);
  for (const row of table.tBodies[0]?.rows ?? []) {
    for (const cell of [...row.cells].slice(1)) {
      cell.dataset.column = names[cell.cellIndex];
    }
  }
  for (const code of table.querySelectorAll("td code")) {
    code.classList.toggle("long", code.textContent.length > LONG);
  }
}
