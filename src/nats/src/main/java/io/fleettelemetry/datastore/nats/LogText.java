package io.fleettelemetry.datastore.nats;

/** Text from outside, made fit for a quoted field of one log line: a vehicle or a server must not write lines of ours. */
final class LogText {

    private static final int MAX_LENGTH = 512;

    private LogText() {}

    /** The text without line breaks, other control characters and quotes, shortened if it is very long. */
    static String of(String text) {
        String plain = text.replaceAll("\\p{Cc}", "?").replace('"', '\'');
        return plain.length() > MAX_LENGTH ? plain.substring(0, MAX_LENGTH) + "…" : plain;
    }
}
