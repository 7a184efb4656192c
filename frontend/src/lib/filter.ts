/** Which classes of the legend are shown: a list of their keys, or null for all. */

export type Shown = readonly string[] | null;

/** Whether a class is shown. */
export function isShown(shown: Shown, key: string): boolean {
  return shown === null || shown.includes(key);
}

/** The filter after a class was switched on or off; all of `keys` on is no filter. */
export function toggled(shown: Shown, key: string, keys: readonly string[]): Shown {
  const before = shown ?? keys;
  const after = before.includes(key) ? before.filter((one) => one !== key) : [...before, key];
  return keys.every((one) => after.includes(one)) ? null : after;
}

/** Only this class; all, where it is the only one already. */
export function solo(shown: Shown, key: string): Shown {
  return shown?.length === 1 && shown[0] === key ? null : [key];
}
