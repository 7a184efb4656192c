import { expect, it } from "vitest";
import { isShown, solo, toggled } from "./filter";

const KEYS = ["hole", "mapped", "split"];

it("switches classes off and on", () => {
  const without = toggled(null, "hole", KEYS);
  expect(without).toEqual(["mapped", "split"]);
  expect(isShown(without, "hole")).toBe(false);
  expect(isShown(without, "split")).toBe(true);
  expect(toggled(without, "hole", KEYS)).toBeNull();
  expect(isShown(null, "hole")).toBe(true);
});

it("shows one only, and all again", () => {
  expect(solo(null, "hole")).toEqual(["hole"]);
  expect(solo(["hole"], "hole")).toBeNull();
  expect(solo(["hole"], "split")).toEqual(["split"]);
});
