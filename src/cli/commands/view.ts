import { makeCommand } from "../make.js";

export const addView = makeCommand(
  "view",
  "view",
  "make a read-only look at a committed snapshot",
  "Makes a view: a read-only look at committed/PARENT, or without a parent an empty one. Nothing is copied.",
);
