package io.fleettelemetry.examples;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.VehicleAlerts;
import io.fleettelemetry.protos.VehicleConnectivity;
import io.fleettelemetry.protos.VehicleErrors;
import io.nats.client.Connection;
import java.io.PrintStream;

/** A subscriber that decodes: receiving.md shows it. */
public final class Subscriber {

    private final PrintStream out;

    Subscriber(PrintStream out) {
        this.out = out;
    }

    /** Shows every record that is published from now on, until the connection is closed. */
    void subscribe(Connection nats) {
        nats.createDispatcher(message -> show(message.getSubject(), message.getData()))
                .subscribe("tesla_telemetry.>");
    }

    private void show(String subject, byte[] payload) {
        try {
            out.println(subject + " " + decode(subject, payload));
        } catch (InvalidProtocolBufferException e) {
            out.println(subject + " cannot be decoded: " + e.getMessage());
        }
    }

    /**
     * The message in a payload: the last token of its subject says which.
     *
     * @throws InvalidProtocolBufferException if the payload is no such message, or the schema has none for the subject
     */
    public static Message decode(String subject, byte[] payload) throws InvalidProtocolBufferException {
        return switch (subject.substring(subject.lastIndexOf('.') + 1)) {
            case "data" -> Payload.parseFrom(payload);
            case "alerts" -> VehicleAlerts.parseFrom(payload);
            case "errors" -> VehicleErrors.parseFrom(payload);
            case "connectivity" -> VehicleConnectivity.parseFrom(payload);
            default -> throw new InvalidProtocolBufferException("the schema has no message for it");
        };
    }
}
