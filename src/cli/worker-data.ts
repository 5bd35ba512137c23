/** What tells a thread that describes pairs from the main one, and from one of somebody else's. */
export const WORKER_DATA = "elfsplice: describe pairs";
