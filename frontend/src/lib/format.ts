/** Numbers as people read them. All units are binary; null is shown as an en dash by the caller. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

export const NOTHING = "–";

/** Bytes in the largest unit that keeps it at one or more; exact values lose their fraction: "1.5 GiB", "512 MiB". */
export function bytes(count: number): string {
  let value = Math.abs(count);
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = Number.isInteger(value) || unit === 0 ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${count < 0 ? "−" : ""}${value.toFixed(digits)} ${UNITS[unit] ?? ""}`;
}

const GROUPED = new Intl.NumberFormat("en-US");

/** A whole number with thousands separators and a true minus sign: "524,288", "−5". */
export function integer(count: number): string {
  return GROUPED.format(count).replace("-", "−");
}

/** A virtual address as the kernel prints it, with the prefix. */
export function address(va: number): string {
  return `0x${va.toString(16)}`;
}

/** Start and exclusive end, as /proc/PID/maps prints them. */
export function addressRange(start: number, end: number): string {
  return `${address(start)}–${address(end)}`;
}

/** A share of a whole: "0 %", "<1 %", "12 %", "100 %"; only all of it is 100 %, and only nothing is 0 %. */
export function percent(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return "0 %";
  if (part >= whole) return "100 %";
  const value = (100 * part) / whole;
  if (value < 1) return "<1 %";
  return value > 99 ? ">99 %" : `${value.toFixed(0)} %`;
}

/** How long ago: "0.3 s", "12 s", "4 min", "3 h", "2 d". */
export function age(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 120) return `${s.toFixed(0)} s`;
  if (s < 7200) return `${(s / 60).toFixed(0)} min`;
  if (s < 172_800) return `${(s / 3600).toFixed(0)} h`;
  return `${(s / 86_400).toFixed(0)} d`;
}

/** A rate or load with as many digits as help: "0", "0.4", "12", "5,003". */
export function decimal(value: number): string {
  if (value === 0) return "0";
  if (Math.abs(value) < 9.95) return value.toFixed(1);
  return integer(Math.round(value));
}
