/** A recording that is dropped on the page, or chosen, is shown. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { sendRecording } from "../backends/recordings";
import type { Traveller } from "../state/traveller";

/** The button, and the whole page to drop on. */
export function OpenRecording({ traveller }: { readonly traveller: Traveller }): JSX.Element {
  const [said, setSaid] = useState<string | null>(null);
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const open = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    setSaid(`${file.name} is being read`);
    try {
      const { place, since_s: sinceS } = await sendRecording(file);
      setSaid(null);
      window.location.hash = place;
      traveller.reach(sinceS, false, false);
    } catch (error) {
      setSaid(`${file.name} cannot be shown: ${error instanceof Error ? error.message : ""}`);
    }
  };
  useDrop(setOver, (file) => void open(file));
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        data-testid="recording-file"
        onChange={({ currentTarget }) => {
          void open(currentTarget.files?.[0]);
          currentTarget.value = "";
        }}
      />
      <button type="button" class="time-open" onClick={() => input.current?.click()}>
        open<span class="time-open-more"> a recording</span>
      </button>
      {over && (
        <div class="time-drop" aria-hidden="true">
          drop a recording to show it
        </div>
      )}
      {said !== null && (
        <p class="time-file" role="status" data-testid="recording-said">
          {said}{" "}
          <button
            type="button"
            aria-label="close this message"
            onClick={() => {
              setSaid(null);
            }}
          >
            ×
          </button>
        </p>
      )}
    </>
  );
}

/** Files that are dragged over the page. */
function useDrop(setOver: (over: boolean) => void, open: (file: File | undefined) => void): void {
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const hasFile = (event: DragEvent): boolean =>
      event.dataTransfer?.types.includes("Files") === true;
    const over = (event: DragEvent): void => {
      if (!hasFile(event)) return;
      event.preventDefault();
      setOver(true);
    };
    document.addEventListener("dragover", over, { signal });
    document.addEventListener(
      "dragleave",
      ({ relatedTarget }) => {
        if (relatedTarget === null) setOver(false);
      },
      { signal },
    );
    document.addEventListener(
      "drop",
      (event) => {
        if (!hasFile(event)) return;
        event.preventDefault();
        setOver(false);
        open(event.dataTransfer?.files[0]);
      },
      { signal },
    );
    return () => {
      stop.abort();
    };
  });
}
