/** A request of a phone or a page that the network does not grant. The text says why and what would do. */
export class Rejection extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'Rejection';
    this.status = status;
  }
}
