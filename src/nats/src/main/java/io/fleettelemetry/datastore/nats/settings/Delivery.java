package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.Token;
import io.fleettelemetry.api.settings.SettingsReader;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * When a record is confirmed, and how JetStream is used: the keys {@code delivery}, {@code stream*}, {@code js.domain},
 * {@code inbox.prefix}, {@code batch} and {@code message.ids}.
 *
 * @param mode whether the server must have parsed a record, or stored it
 * @param stream the stream that must store the records; empty for any stream that JetStream lists for their subjects
 * @param setup the check of the streams before anything is published
 * @param domain the JetStream domain; empty for the server's own
 * @param inboxPrefix first part of the subjects of JetStream's answers
 * @param batch whether records go to the stream in batches, which are answered together
 * @param messageIds whether every message gets a {@code Nats-Msg-Id}, so that a stream behind the subjects drops
 *     duplicates
 * @param duplicateWindow how long a stream must know the ids of messages; zero without JetStream or ids
 */
public record Delivery(
        Mode mode,
        String stream,
        Setup setup,
        String domain,
        String inboxPrefix,
        Batch batch,
        boolean messageIds,
        Duration duplicateWindow) {

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

    public enum Batch {
        /** Batches if the stream allows them. */
        AUTO,
        /** No batches: each record gets an answer of its own. */
        OFF,
        /** Batches only: nothing is published to a stream that does not allow them. */
        REQUIRED;

        static Batch of(String name) {
            return valueOf(name.toUpperCase(Locale.ROOT));
        }
    }

    private static final String MODE = "delivery";
    private static final String STREAM = "stream";
    private static final String SETUP = "stream.setup";
    private static final String DOMAIN = "js.domain";
    private static final String INBOX = "inbox.prefix";
    private static final String BATCH = "batch";
    private static final String IDS = "message.ids";

    static final List<String> KEYS = List.of(MODE, STREAM, SETUP, DOMAIN, INBOX, BATCH, IDS);

    /** How much longer than {@code confirm.timeout.ms} a stream must know the ids of messages. */
    private static final Duration WINDOW_RESERVE = Duration.ofSeconds(30);

    private static final Pattern STREAM_NAME = Pattern.compile("[!-~&&[^.*>/\\\\]]{1,255}");
    private static final int MAX_INBOX = 256;
    /** First tokens that the server reserves: it drops messages that ask for answers there. */
    private static final List<String> RESERVED = List.of("_R_", "_GR_");

    /** @param confirmTimeout how long after the first time a record may be written again */
    static Delivery parse(SettingsReader reader, Duration confirmTimeout) {
        Mode mode = reader.choice(MODE, Mode.of(Defaults.DELIVERY));
        boolean messageIds = messageIds(reader, mode);
        Delivery delivery = new Delivery(
                mode,
                reader.text(STREAM, ""),
                reader.choice(SETUP, Setup.of(Defaults.STREAM_SETUP)),
                reader.text(DOMAIN, ""),
                reader.text(INBOX, Defaults.INBOX_PREFIX),
                reader.choice(BATCH, Batch.of(Defaults.BATCH)),
                messageIds,
                mode == Mode.JETSTREAM && messageIds ? confirmTimeout.plus(WINDOW_RESERVE) : Duration.ZERO);
        if (!delivery.stream.isEmpty() && !STREAM_NAME.matcher(delivery.stream).matches()) {
            reader.refuse(STREAM, "must be the name of a stream: 1 to 255 characters from ! to ~ without . * > / \\");
        }
        if (delivery.isJetStream() && delivery.setup == Setup.CREATE && delivery.stream.isEmpty()) {
            reader.refuse(SETUP, "needs a name for the stream; set " + STREAM);
        }
        if (delivery.batch == Batch.REQUIRED && !delivery.isJetStream()) {
            reader.refuse(BATCH, "needs " + MODE + " = jetstream");
        } else if (delivery.batch == Batch.REQUIRED && delivery.setup == Setup.OFF) {
            reader.refuse(
                    BATCH, "needs " + SETUP + " = verify or create, which check whether the stream allows batches");
        }
        String problem = delivery.domain.isEmpty() ? null : Token.flaw(delivery.domain);
        if (problem != null) {
            reader.refuse(DOMAIN, problem);
        }
        checkInbox(reader, delivery.inboxPrefix);
        return delivery;
    }

    /** {@code auto}: where records are stored. */
    private static boolean messageIds(SettingsReader reader, Mode mode) {
        switch (reader.text(IDS, Defaults.MESSAGE_IDS).toLowerCase(Locale.ROOT)) {
            case "true":
                return true;
            case "false":
                return false;
            case "auto":
                break;
            default:
                reader.refuse(IDS, "must be one of auto, true, false");
        }
        return mode == Mode.JETSTREAM;
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
