import { describe, expect, it } from "vitest";
import type { PageDetail } from "../wire/types";
import { PageInquiry, type PageQuery } from "./page";

const QUERY: PageQuery = { hostId: "h", pid: 1, address: 4096, part: null };

interface Asked {
  readonly query: PageQuery;
  readonly abort: AbortSignal;
  readonly answer: (detail: PageDetail) => Promise<void>;
  readonly fail: (error: Error) => Promise<void>;
}

function made(): { readonly inquiry: PageInquiry; readonly asked: Asked[] } {
  const inquiry = new PageInquiry();
  const asked: Asked[] = [];
  inquiry.ask = (query, abort) =>
    new Promise((resolve, reject) => {
      asked.push({
        query,
        abort,
        answer: async (detail) => {
          resolve(detail);
          await new Promise((go) => setTimeout(go));
        },
        fail: async (error) => {
          reject(error);
          await new Promise((go) => setTimeout(go));
        },
      });
    });
  return { inquiry, asked };
}

function detail(comm: string): PageDetail {
  return { comm } as PageDetail;
}

describe("asking for a page", () => {
  it("shows what came", async () => {
    const { inquiry, asked } = made();
    inquiry.want(QUERY);
    expect(inquiry.answer.value).toEqual({ query: QUERY, detail: null, fault: null });
    await asked[0]?.answer(detail("a"));
    expect(inquiry.answer.value.detail).toEqual({ comm: "a" });
  });

  it("drops the answer to another question, and aborts it", async () => {
    const { inquiry, asked } = made();
    inquiry.want(QUERY);
    inquiry.want({ ...QUERY, part: 3 });
    expect(asked[0]?.abort.aborted).toBe(true);
    await asked[0]?.answer(detail("old"));
    expect(inquiry.answer.value.detail).toBeNull();
    await asked[1]?.answer(detail("new"));
    expect(inquiry.answer.value.detail).toEqual({ comm: "new" });
  });

  it("asks again when the cell changed, and once only after the answer under way", async () => {
    const { inquiry, asked } = made();
    inquiry.want(QUERY, "1");
    inquiry.want(QUERY, "1");
    inquiry.want(QUERY, "2");
    inquiry.want(QUERY, "3");
    expect(asked).toHaveLength(1);
    await asked[0]?.answer(detail("before"));
    expect(inquiry.answer.value.detail).toEqual({ comm: "before" });
    expect(asked).toHaveLength(2);
    await asked[1]?.answer(detail("after"));
    expect(asked).toHaveLength(2);
    inquiry.want(QUERY, "4");
    expect(asked).toHaveLength(3);
    expect(inquiry.answer.value.detail).toEqual({ comm: "after" });
  });

  it("says what went wrong, and asks for nothing when nothing is wanted", async () => {
    const { inquiry, asked } = made();
    inquiry.want(QUERY);
    await asked[0]?.fail(new Error("no such page"));
    expect(inquiry.answer.value).toEqual({ query: QUERY, detail: null, fault: "no such page" });
    inquiry.want(null);
    expect(inquiry.answer.value).toEqual({ query: null, detail: null, fault: null });
    expect(asked).toHaveLength(1);
  });
});
