// Deeds sent to the server. What it refuses is thrown with its own words.

export class Refusal extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

export async function post<T>(address: string, body: unknown): Promise<T> {
  const answer = await fetch(address, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json",
      "x-csrf-token": document.body.dataset.csrf ?? "",
    },
    body: JSON.stringify(body),
  });
  const told = (await answer.json()) as T & { says?: string };
  if (!answer.ok) throw new Refusal(told.says ?? String(answer.status), answer.status);
  return told;
}
