/** The tables of x86-64, from the root on, as far as huge pages are concerned. */
export const LEVEL_NAMES = ["pgd", "pud", "pmd", "pte"] as const;

/** A level of the page tables, named by the table whose entries are shown. */
export type LevelName = (typeof LEVEL_NAMES)[number];
