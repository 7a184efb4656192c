import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { patiently } from "./patience";

describe("patience", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("asks again until a part comes, and tells of each failure after the first", async () => {
    let left = 4;
    const told: number[] = [];
    const load = (): Promise<string> =>
      left-- > 0 ? Promise.reject(new Error("away")) : Promise.resolve("part");
    const part = patiently(load, (attempt) => {
      told.push(attempt);
      return Promise.resolve();
    });
    await vi.runAllTimersAsync();
    expect(await part).toBe("part");
    expect(told).toEqual([1, 2, 3]);
  });

  it("asks nobody else where it comes at once", async () => {
    const failed = vi.fn(() => Promise.resolve());
    expect(await patiently(() => Promise.resolve(7), failed)).toBe(7);
    expect(failed).not.toHaveBeenCalled();
  });
});
