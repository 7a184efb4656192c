/** Light, dark, or what the system says; remembered in this browser. */
import { computed, signal } from "@preact/signals";
import type { Theme } from "../lib/palette";

export type ThemeChoice = Theme | "system";

export const THEME_CHOICES: readonly ThemeChoice[] = ["system", "light", "dark"];
const STORED_AS = "hugescope.theme";

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(dark.matches);
dark.addEventListener("change", () => {
  systemDark.value = dark.matches;
});

export const themeChoice = signal<ThemeChoice>(stored());
export const theme = computed<Theme>(() => {
  if (themeChoice.value !== "system") return themeChoice.value;
  return systemDark.value ? "dark" : "light";
});

/** Take a choice and remember it. */
export function chooseTheme(choice: ThemeChoice): void {
  themeChoice.value = choice;
  try {
    localStorage.setItem(STORED_AS, choice);
  } catch (error) {
    // Storage may be forbidden; the choice then lasts as long as the page.
    if (!(error instanceof DOMException)) throw error;
  }
}

function stored(): ThemeChoice {
  try {
    const text = localStorage.getItem(STORED_AS);
    return THEME_CHOICES.find((choice) => choice === text) ?? "system";
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return "system";
  }
}
