package io.fleettelemetry.datastore.nats.tail;

import io.fleettelemetry.api.kit.PlainText;
import java.time.LocalTime;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;

/**
 * A record that came from NATS.
 *
 * @param subject the subject
 * @param vin the second to last token of the subject; empty if the subject is not one of a record
 * @param type the record type: the subject's last token, but {@code V} for {@code data}; empty if the subject is not
 *     one of a record
 * @param payload the payload as JSON; in hexadecimal digits if it cannot be decoded
 * @param whyNotDecoded why it cannot be decoded; empty if it could
 */
record Arrival(String subject, String vin, String type, String payload, String whyNotDecoded) {

    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss.SSS");

    static Arrival of(String subject, byte[] payload) {
        String[] tokens = subject.split("\\.");
        if (tokens.length < 3) {
            return undecoded(subject, "", "", payload, "the subject is not <namespace>.<vin>.<topic>");
        }
        String vin = tokens[tokens.length - 2];
        String topic = tokens[tokens.length - 1];
        String type = topic.equals("data") ? "V" : topic;
        try {
            return new Arrival(subject, vin, type, Schema.json(type, payload), "");
        } catch (Schema.Undecodable e) {
            return undecoded(subject, vin, type, payload, e.getMessage());
        } catch (NoClassDefFoundError e) {
            return undecoded(subject, vin, type, payload, "the bundle io.fleettelemetry.protos is not installed");
        }
    }

    private static Arrival undecoded(String subject, String vin, String type, byte[] payload, String whyNotDecoded) {
        return new Arrival(subject, vin, type, HexFormat.of().formatHex(payload), whyNotDecoded);
    }

    /** For programs: one JSON object. */
    String json() {
        return "{\"subject\":" + JsonText.quoted(subject) + ",\"vin\":" + JsonText.quoted(vin) + ",\"type\":"
                + JsonText.quoted(type)
                + (whyNotDecoded.isEmpty()
                        ? ",\"payload\":" + payload
                        : ",\"payload_hex\":\"" + payload + "\",\"reason\":" + JsonText.quoted(whyNotDecoded))
                + "}";
    }

    /** For people: one line, without characters that would control a terminal. */
    String line(LocalTime at) {
        return PlainText.of(TIME.format(at) + "  " + (vin.isEmpty() ? subject : vin + "  " + type) + "  " + payload
                + (whyNotDecoded.isEmpty() ? "" : "  (not decoded: " + whyNotDecoded + ")"));
    }
}
