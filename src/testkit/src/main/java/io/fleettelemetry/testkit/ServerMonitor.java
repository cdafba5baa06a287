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
 * What a {@link NatsServer} itself says of its clients, at its monitoring port. Give the server {@link #configuration}. Safe
 * for several threads.
 */
public final class ServerMonitor {

    private final int port = FreePort.next();

    /**
     * One connection of a client.
     *
     * @param id counts up in the order of connecting
     * @param name as the client calls it; empty if it does not
     * @param user as whom it was let in; empty if the server asks for none
     * @param stop when it ended; {@link Instant#MAX} while it lasts
     * @param messages that the client has published
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
     * All connections since the server was started, oldest first; of those that have ended, the last 10,000. One that never
     * said CONNECT, as whoever only looks whether the server is there, is none.
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
