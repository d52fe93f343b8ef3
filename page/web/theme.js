// Before the first paint: the chosen colours, if the person chose any. A classic script, so that nothing flashes.
try {
  const chosen = localStorage.getItem("hone.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // storage is switched off: the system's colours
}
