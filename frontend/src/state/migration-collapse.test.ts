import { describe, expect, it } from "vitest";
import { failsWords, marginWords } from "./migration-collapse";

function collapse(
  margin: number | null,
  fails_at_s: number | null,
  growth: number | null = null,
  limited_by: "pool" | "cgroup" = "pool",
): Parameters<typeof failsWords>[0] {
  const pool = { reservations_lost: 4, left: 9, without_reservation: 4 };
  return { at_s: 100, punched: 4, ...pool, margin, limited_by, growth, fails_at_s };
}

describe("when a migration will find no page", () => {
  it.each([
    ["not at all, as it goes", 5, null],
    ["not known", null, null],
    ["it will, unless pages come free", -2, null],
    ["in 3.0 s", -2, 103],
    ["now", -2, 99],
  ])("%s", (words, margin, failsS) => {
    expect(failsWords(collapse(margin, failsS), false, 100)).toBe(words);
  });

  it("says what has to come from the host's memory, and what a cgroup limits", () => {
    const words = "not, if the host has memory for surplus pages";
    expect(failsWords(collapse(5, null, 8), false, 100)).toBe(words);
    expect(marginWords(collapse(5, null, 8), false)).toBe("5, 5 of them surplus pages");
    expect(failsWords(collapse(9, null, 8), false, 100)).toBe("not at all, as it goes");
    expect(failsWords(collapse(5, null, 8, "cgroup"), false, 100)).toBe("not at all, as it goes");
    expect(marginWords(collapse(5, null, 8, "cgroup"), false)).toBe("5, by a limit of its cgroup");
    expect(marginWords(collapse(-1234, null), false)).toBe("1,234 too many are taken");
    expect(marginWords(collapse(1234, null), false)).toBe("1,234");
  });

  it("is of no matter once it is over", () => {
    expect(failsWords(collapse(-2, 103), true, 100)).toBe("–");
    expect(marginWords(collapse(-2, 103), true)).toBe("–");
  });
});
