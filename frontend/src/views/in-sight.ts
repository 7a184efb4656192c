/** What of the page can be seen now. */
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

/** What comes into sight next is prepared already. */
const AHEAD = "160px 0px";

const listeners = new WeakMap<Element, (inSight: boolean) => void>();
let observer: IntersectionObserver | undefined;

function observe(element: Element, listener: (inSight: boolean) => void): () => void {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const entry of entries) listeners.get(entry.target)?.(entry.isIntersecting);
    },
    { rootMargin: AHEAD },
  );
  listeners.set(element, listener);
  observer.observe(element);
  return () => {
    listeners.delete(element);
    observer?.unobserve(element);
  };
}

/** Whether this element is in sight, or nearly. */
export function useInSight(element: RefObject<Element>): boolean {
  const [inSight, setInSight] = useState(false);
  useEffect(() => (element.current ? observe(element.current, setInSight) : undefined), [element]);
  return inSight;
}
