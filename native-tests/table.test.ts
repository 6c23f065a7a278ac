import { behaviour } from "./behaviour/behaviour.js";

behaviour("kernel");
