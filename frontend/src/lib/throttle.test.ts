import { describe, expect, it } from "vitest";
import { Throttle } from "./throttle";

function made(): { throttle: Throttle<number>; sent: number[]; pass: () => void } {
  const sent: number[] = [];
  const waiting: (() => void)[] = [];
  const throttle = new Throttle<number>(
    (value) => sent.push(value),
    100,
    (then) => waiting.push(then),
  );
  const pass = (): void => {
    for (const then of waiting.splice(0)) then();
  };
  return { throttle, sent, pass };
}

describe("a throttle", () => {
  it("hands on the first at once and then, once a period, the latest, and always the last", () => {
    const { throttle, sent, pass } = made();
    for (const value of [1, 2, 3]) throttle.push(value);
    expect(sent).toEqual([1]);
    pass();
    expect(sent).toEqual([1, 3]);
    throttle.push(4);
    pass();
    pass();
    expect(sent).toEqual([1, 3, 4]);
    throttle.push(5);
    expect(sent).toEqual([1, 3, 4, 5]);
  });

  it("forgets what waits, and nothing else", () => {
    const { throttle, sent, pass } = made();
    throttle.push(1);
    throttle.push(2);
    throttle.forget();
    pass();
    throttle.push(3);
    expect(sent).toEqual([1, 3]);
  });
});
