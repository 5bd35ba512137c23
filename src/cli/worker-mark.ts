/** First argument of a thread that describes pairs. */
export const WORKER_MARK = "#describe-pairs";
