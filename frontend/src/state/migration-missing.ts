/** Why a migration is not there, in words. */
import type { MigrationMissing } from "../wire/types";

const MISSING: Readonly<Record<MigrationMissing["code"], readonly [string, string]>> = {
  no_such_migration: [
    "No such migration",
    "The server knows no migration of this number. Numbers last as long as the server runs.",
  ],
  no_such_process: [
    "A process is not there",
    "The server knows no process of this number on that host, or its agent is away.",
  ],
  no_huge_pages: ["No huge pages", "One of the two processes maps no RAM of huge pages."],
  sizes_differ: [
    "Not the same RAM",
    "The RAM of the two processes differs in size or in its pages: they are not two ends of one migration.",
  ],
};

/** Title and explanation of a migration that is not there. */
export function missingWords({ code }: Pick<MigrationMissing, "code">): readonly [string, string] {
  return MISSING[code];
}
