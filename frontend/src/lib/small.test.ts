import { describe, expect, it } from "vitest";
import { backoffDelay } from "./backoff";
import { Flash, FLASH_MS } from "./flash";
import { address, addressRange, age, bytes, decimal, integer, percent } from "./format";
import { Rate } from "./rate";

describe("formats", () => {
  it.each([
    [0, "0 B"],
    [4096, "4 KiB"],
    [1536, "1.50 KiB"],
    [2 ** 30, "1 GiB"],
    [6_291_456_000, "5.86 GiB"],
    [40 * 2 ** 40 + 2 ** 39, "40.5 TiB"],
    [300.5 * 2 ** 30, "301 GiB"],
    [-4096, "−4 KiB"],
  ])("%d bytes", (count, text) => {
    expect(bytes(count)).toBe(text);
  });

  it.each([
    [0, 10, "0 %"],
    [1, 1000, "<1 %"],
    [999, 1000, ">99 %"],
    [10, 10, "100 %"],
    [1, 3, "33 %"],
    [1, 0, "0 %"],
  ])("%d of %d", (part, whole, text) => {
    expect(percent(part, whole)).toBe(text);
  });

  it.each([
    [-1, "0.0 s"],
    [0.34, "0.3 s"],
    [9.96, "10 s"],
    [119, "119 s"],
    [600, "10 min"],
    [7200, "2 h"],
    [200_000, "2 d"],
  ])("an age of %d s", (seconds, text) => {
    expect(age(seconds)).toBe(text);
  });

  it("numbers and addresses", () => {
    expect(integer(-5)).toBe("−5");
    expect(integer(524_288)).toBe("524,288");
    expect(decimal(0)).toBe("0");
    expect(decimal(0.44)).toBe("0.4");
    expect(decimal(1234.4)).toBe("1,234");
    expect(address(0x7f00_0000_0000)).toBe("0x7f0000000000");
    expect(addressRange(0, 4096)).toBe("0x0–0x1000");
  });
});

describe("the wait before another attempt", () => {
  it("doubles from half a second to ten, within its jitter", () => {
    const ceilings = [1, 2, 4, 8, 10, 10, 10];
    for (const [attempt, ceiling] of ceilings.entries()) {
      expect(backoffDelay(attempt, () => 0)).toBe(ceiling / 2);
      expect(backoffDelay(attempt, () => 1)).toBe(ceiling);
    }
    expect(backoffDelay(10_000, () => 1)).toBe(10);
  });
});

describe("a rate", () => {
  it("is events a second over the last two", () => {
    const rate = new Rate();
    expect(rate.perSecond(0)).toBe(0);
    for (let ms = 0; ms <= 4000; ms += 100) rate.add(ms, 50);
    expect(rate.perSecond(4000)).toBe(500);
    expect(rate.perSecond(3800)).toBe(500);
    expect(rate.perSecond(9000)).toBe(0);
  });
});

describe("a flash", () => {
  it("lights cells for a while, longer where they change again", () => {
    const flash = new Flash(1000);
    flash.add(Uint32Array.of(1, 2), 0);
    flash.add(Uint32Array.of(2), 100);
    expect(flash.nextMs()).toBe(FLASH_MS);
    expect(Array.from(flash.expire(FLASH_MS))).toEqual([1, 2]);
    expect([flash.lit[1], flash.lit[2]]).toEqual([0, 1]);
    expect(Array.from(flash.expire(FLASH_MS + 100))).toEqual([2]);
    expect(flash.nextMs()).toBeNull();
    expect(flash.lit[2]).toBe(0);
  });

  it("does not light half of the map", () => {
    const flash = new Flash(1000);
    flash.add(new Uint32Array(500), 0);
    expect(flash.nextMs()).toBeNull();
  });

  it("ends, however often a cell changes meanwhile", () => {
    const flash = new Flash(1000);
    for (let change = 0; change < 600; change++) flash.add(Uint32Array.of(7), change / 100);
    expect(flash.lit[7]).toBeGreaterThan(0);
    expect(flash.expire(FLASH_MS + 10).length).toBeGreaterThan(0);
    expect(flash.lit[7]).toBe(0);
    expect(flash.nextMs()).toBeNull();
  });

  it("can be put out", () => {
    const flash = new Flash(10);
    flash.add(Uint32Array.of(1), 0);
    flash.clear();
    expect(flash.lit[1]).toBe(0);
    expect(flash.expire(9999)).toHaveLength(0);
  });
});
