package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.Token;
import io.fleettelemetry.api.settings.SettingsReader;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * What counts as a confirmation, and what is asked of JetStream: the keys {@code delivery}, {@code stream*},
 * {@code js.domain} and {@code inbox.prefix}.
 *
 * @param mode whether the server must have parsed a record, or stored it
 * @param stream the stream that is to store records; empty for any that JetStream shows for their subjects
 * @param setup what is asked of the streams before anything is published
 * @param domain of JetStream; empty for the server's own
 * @param inboxPrefix first part of the subjects of JetStream's answers
 * @param duplicateWindow how long a stream must know the ids of messages; zero without JetStream
 */
public record Delivery(
        Mode mode, String stream, Setup setup, String domain, String inboxPrefix, Duration duplicateWindow) {

    public enum Mode {
        /** A record is confirmed once the connected server has parsed it. */
        CORE,
        /** A record is confirmed once a stream has stored it. */
        JETSTREAM;

        static Mode of(String name) {
            return valueOf(name.toUpperCase(Locale.ROOT));
        }
    }

    public enum Setup {
        OFF,
        VERIFY,
        CREATE;

        static Setup of(String name) {
            return valueOf(name.toUpperCase(Locale.ROOT));
        }
    }

    private static final String MODE = "delivery";
    private static final String STREAM = "stream";
    private static final String SETUP = "stream.setup";
    private static final String DOMAIN = "js.domain";
    private static final String INBOX = "inbox.prefix";

    static final List<String> KEYS = List.of(MODE, STREAM, SETUP, DOMAIN, INBOX);

    /** How much longer than {@code confirm.timeout.ms} a stream must know the ids of messages. */
    private static final Duration WINDOW_RESERVE = Duration.ofSeconds(30);

    private static final Pattern STREAM_NAME = Pattern.compile("[!-~&&[^.*>/\\\\]]{1,255}");
    private static final int MAX_INBOX = 256;
    /** First tokens that the server keeps for itself: it drops what asks for answers there. */
    private static final List<String> RESERVED = List.of("_R_", "_GR_");

    /** @param confirmTimeout how long a record may be written again */
    static Delivery parse(SettingsReader reader, Duration confirmTimeout) {
        Mode mode = reader.choice(MODE, Mode.of(Defaults.DELIVERY));
        Delivery delivery = new Delivery(
                mode,
                reader.text(STREAM, ""),
                reader.choice(SETUP, Setup.of(Defaults.STREAM_SETUP)),
                reader.text(DOMAIN, ""),
                reader.text(INBOX, Defaults.INBOX_PREFIX),
                mode == Mode.JETSTREAM ? confirmTimeout.plus(WINDOW_RESERVE) : Duration.ZERO);
        if (!delivery.stream.isEmpty() && !STREAM_NAME.matcher(delivery.stream).matches()) {
            reader.refuse(STREAM, "must be the name of a stream: 1 to 255 characters from ! to ~ without . * > / \\");
        }
        if (delivery.isJetStream() && delivery.setup == Setup.CREATE && delivery.stream.isEmpty()) {
            reader.refuse(SETUP, "needs a name for the stream; set " + STREAM);
        }
        String problem = delivery.domain.isEmpty() ? null : Token.flaw(delivery.domain);
        if (problem != null) {
            reader.refuse(DOMAIN, problem);
        }
        checkInbox(reader, delivery.inboxPrefix);
        return delivery;
    }

    private static void checkInbox(SettingsReader reader, String prefix) {
        if (prefix.length() > MAX_INBOX) {
            reader.refuse(INBOX, "has more than " + MAX_INBOX + " characters");
        }
        for (String part : prefix.split("\\.", -1)) {
            String problem = Token.flaw(part);
            if (problem != null) {
                reader.refuse(INBOX, "must be tokens joined by dots, such as _INBOX; '" + part + "' " + problem);
                return;
            }
        }
        if (RESERVED.contains(prefix.split("\\.")[0])) {
            reader.refuse(INBOX, "must not begin with _R_ or _GR_, which nats-server reserves");
        }
    }

    public boolean isJetStream() {
        return mode == Mode.JETSTREAM;
    }
}
