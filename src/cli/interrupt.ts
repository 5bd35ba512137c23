/* Ctrl-C and SIGTERM: what was begun is put away, then the process ends with the status that a shell gives a killed one. */

const STATUS = { SIGINT: 130, SIGTERM: 143 } as const;
/** Milliseconds that putting away may take; then the process ends all the same. */
const PATIENCE = 500;

/** Runs `cleanUp` and ends the process on the first signal, until the function that is returned is called. */
export function onInterrupt(cleanUp: () => void | Promise<void>): () => void {
  let isEnding = false;
  const handlers = Object.entries(STATUS).map(([signal, status]) => {
    const handler = (): void => {
      if (isEnding) return;
      isEnding = true;
      const end = (): never => process.exit(status);
      setTimeout(end, PATIENCE);
      Promise.resolve()
        .then(cleanUp)
        .then(
          () => process.stderr.write(`elfsplice: interrupted\n`),
          () => {},
        )
        .then(end);
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  return () => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
}
