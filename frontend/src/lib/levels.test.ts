import { describe, expect, it } from "vitest";
import { levelAsked, levelDown, levelsOf, levelUp, tableCount, type LevelFields } from "./levels";

const TWO_MIB = 2 * 2 ** 20;
const ONE_GIB = 2 ** 30;
const NOTHING: LevelFields = { level: null, table: null, cells: null, part: null };

const large = { start: 5 * TWO_MIB, page_size: TWO_MIB, cell_count: 1024 };
const small = { start: 0, page_size: TWO_MIB, cell_count: 512 };
const gigantic = { start: 0, page_size: ONE_GIB, cell_count: 4 };

const names = (mapping: typeof large): string =>
  levelsOf(mapping)
    .map((one) => `${one.name}:${one.kind}`)
    .join(" ");

describe("levels", () => {
  it("are those of the page size; none above one table", () => {
    expect(names(large)).toBe("pud:tables pmd:cells pte:parts");
    expect(names(small)).toBe("pmd:cells pte:parts");
    expect(names(gigantic)).toBe("pud:cells pmd:parts pte:parts");
    expect(names({ ...gigantic, cell_count: 513 })).toBe(
      "pgd:tables pud:cells pmd:parts pte:parts",
    );
    expect(levelsOf(large).map(({ entryBytes }) => entryBytes)).toEqual([ONE_GIB, TWO_MIB, 4096]);
    expect(levelsOf(gigantic).map(({ entryBytes }) => entryBytes)).toEqual([
      ONE_GIB,
      TWO_MIB,
      4096,
    ]);
  });

  it("count the tables that are touched, whole or not", () => {
    expect([tableCount(large), tableCount(small)]).toEqual([3, 1]);
  });

  it.each([
    [{}, null],
    [{ level: "pud" }, "pud"],
    [{ level: "pgd" }, null],
    [{ level: "pud", table: 3 }, "pmd"],
    [{ table: 3 }, "pmd"],
    [{ level: "pte" }, "pmd"],
    [{ level: "pte", cells: { first: 3, count: 1 } }, "pte"],
  ] as const)("asked for by %o", (fields, name) => {
    expect(levelAsked(levelsOf(large), { ...NOTHING, ...fields })?.name ?? null).toBe(name);
  });

  it("inside of a 1 GiB page need the chunk for its entries", () => {
    const cells = { first: 0, count: 1 };
    const asked = (part: number | null): string | undefined =>
      levelAsked(levelsOf(gigantic), { ...NOTHING, level: "pte", cells, part })?.name;
    expect([asked(null), asked(3)]).toEqual(["pmd", "pte"]);
  });

  it("lead down to an entry and up again", () => {
    let fields = NOTHING;
    const levels = levelsOf(large);
    const at = (): (typeof levels)[number] => {
      const level = levelAsked(levels, fields) ?? levels[0];
      if (level === undefined) throw new Error("no level");
      return level;
    };
    fields = { ...fields, ...levelDown(levels, at(), 2) };
    expect(fields).toEqual({ ...NOTHING, level: "pmd", table: 2 });
    fields = { ...fields, ...levelDown(levels, at(), 1019) };
    expect(fields).toMatchObject({ level: "pte", table: 2, cells: { first: 1019, count: 1 } });
    expect(levelDown(levels, at(), 7)).toBeNull();
    const span = { first: 1019, count: 5 };
    fields = { ...fields, ...levelUp(levels, at(), fields, () => span) };
    expect(fields).toMatchObject({ level: "pmd", table: 2, cells: { first: 1019, count: 1 } });
    fields = { ...fields, ...levelUp(levels, at(), fields, () => span) };
    expect(fields).toEqual({ ...NOTHING, level: "pud", cells: span });
    expect(levelUp(levels, at(), fields, () => span)).toBeNull();
  });
});
