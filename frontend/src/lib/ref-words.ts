/** What a report names, in words: processes and files. */
import type { FileRef, ProcessRef } from "../wire/types";

/** A process by name and number. */
export function who({ comm, pid }: ProcessRef): string {
  return `${comm ?? "pid"} ${pid}`;
}

/** A file by kind, name and inode. */
export function fileWords(file: FileRef | null): string {
  if (file === null) return "a file that is not known";
  const inode = file.inode === null ? "" : ` (inode ${file.inode})`;
  return `${file.kind} ${file.name ?? ""}${inode}`.replace("  ", " ");
}
