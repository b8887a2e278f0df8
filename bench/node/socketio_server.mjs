// The ceiling for fan-out: a bare socket.io server. POST /emit sends the body to everyone in the room.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => { body += chunk; });
  request.on("end", () => {
    io.to("room").emit("queue:status_update", JSON.parse(body));
    response.end();
  });
});
const io = new Server(http);
io.on("connection", (socket) => {
  socket.on("join-queue", () => socket.join("room"));
});
http.listen(Number(process.env.PORT), "127.0.0.1");
