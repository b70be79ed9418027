/** The work was not done in time. It goes on in the background; nobody waits for it any more. */
class DeadlineExceeded extends Error {
  constructor(what: string, deadlineMs: number) {
    super(`${what} took longer than ${deadlineMs} ms`);
    this.name = "DeadlineExceeded";
  }
}

/** The result of `work`, or DeadlineExceeded once `deadlineMs` have passed, so that a peer that hangs never hangs us. */
export const withDeadline = async <T>(what: string, deadlineMs: number, work: () => T | Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DeadlineExceeded(what, deadlineMs)), deadlineMs);
  });
  try {
    return await Promise.race([(async () => work())(), late]);
  } finally {
    clearTimeout(timer);
  }
};
