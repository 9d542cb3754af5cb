/** Light or dark: as the system says, until the user chooses. */

const dark = matchMedia("(prefers-color-scheme: dark)");
const told = () => dispatchEvent(new Event("themechange"));

const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";

/** Take up what the user chose before. */
export function startTheme(button) {
  const chosen = localStorage.getItem("genlab:theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
  dark.addEventListener("change", told);
  button.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("genlab:theme", next);
    told();
  });
}
