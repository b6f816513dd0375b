/** A password that the server made: it is in no list afterwards. */
export interface Made {
  username: string;
  password: string;
}
