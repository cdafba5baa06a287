package io.fleettelemetry.testkit;

import io.nats.client.support.JsonParser;
import io.nats.client.support.JsonValue;
import io.nats.client.support.JsonValueUtils;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;

/**
 * Reads from a {@link NatsServer}'s monitoring port what the server knows about its clients. The server needs the lines
 * of {@link #configuration}. Thread-safe.
 */
public final class ServerMonitor {

    private final int port = FreePort.next();

    /**
     * One connection of a client.
     *
     * @param id number of the connection, in the order of connecting
     * @param name the client's name for it; empty if there is none
     * @param user the user; empty if the server needs none
     * @param start when the connection began
     * @param stop when the connection ended; {@link Instant#MAX} while it lasts
     * @param messages number of messages that the client has published
     */
    public record Client(long id, String name, String user, Instant start, Instant stop, long messages) {

        public boolean isOpen() {
            return stop.equals(Instant.MAX);
        }
    }

    /** The line of configuration that opens this monitoring port. */
    public String configuration() {
        return "http: \"127.0.0.1:" + port + '"';
    }

    /**
     * Returns all connections since the start of the server, oldest first; of the ended ones, the last 10,000.
     * Connections without CONNECT, which only check whether the server is there, are not included.
     */
    public List<Client> clients() {
        return JsonValueUtils.readArray(ask("connz?state=all&auth=true&sort=cid&limit=20000"), "connections").stream()
                .filter(json -> !JsonValueUtils.readString(json, "lang", "").isEmpty())
                .map(ServerMonitor::client)
                .toList();
    }

    private static Client client(JsonValue json) {
        String stop = JsonValueUtils.readString(json, "stop", "");
        return new Client(
                JsonValueUtils.readLong(json, "cid", 0),
                JsonValueUtils.readString(json, "name", ""),
                JsonValueUtils.readString(json, "authorized_user", ""),
                Instant.parse(JsonValueUtils.readString(json, "start")),
                stop.isEmpty() ? Instant.MAX : Instant.parse(stop),
                JsonValueUtils.readLong(json, "in_msgs", 0));
    }

    private JsonValue ask(String what) {
        try (var in =
                URI.create("http://127.0.0.1:" + port + '/' + what).toURL().openStream()) {
            return JsonParser.parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
