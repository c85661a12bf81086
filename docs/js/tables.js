// On a phone, each cell stands below the previous one, so it shows the name of its column.
// Short names and commands in tables stay on one line; long names may wrap between words.
const LONG = 24;
const WORD_END = /(?<=_)|(?<=[a-z])(?=[A-Z])/;

for (const table of document.querySelectorAll(".md-typeset table:not([class])")) {
  const names = [...table.querySelectorAll("th")].map((cell) => cell.textContent);
  for (const row of table.tBodies[0]?.rows ?? []) {
    for (const cell of [...row.cells].slice(1)) {
      cell.dataset.column = names[cell.cellIndex];
    }
  }
  for (const code of table.querySelectorAll("td code")) {
    if (code.textContent.length > LONG) {
      const words = code.textContent.split(WORD_END).flatMap((word) => [word, document.createElement("wbr")]);
      code.replaceChildren(...words);
      code.classList.add("long");
    }
  }
}
