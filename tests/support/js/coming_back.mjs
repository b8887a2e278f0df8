// A client that says when it is connected and why no longer, and comes back as the library does.
// Arguments: URL, access JWT, options as JSON.

import { io } from "socket.io-client";

const [url, token, options] = process.argv.slice(2);
const socket = io(url, { reconnectionDelay: 200, ...JSON.parse(options), auth: { token } });
socket.on("connect", () => console.log("connected"));
socket.on("disconnect", (reason) => console.log(reason));
