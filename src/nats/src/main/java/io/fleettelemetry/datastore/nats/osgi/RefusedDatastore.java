package io.fleettelemetry.datastore.nats.osgi;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.List;
import java.util.Map;

/**
 * Replaces a datastore whose first configuration was refused, so that the status shows the problem. It takes no
 * records; hosts hold the refused records until the configuration is corrected.
 */
record RefusedDatastore(List<String> problems) implements Producer {

    @Override
    public void produce(TelemetryRecord record, Receipt receipt) {
        receipt.failed(record, new Failure(Failure.Kind.CLOSED, summary()));
    }

    @Override
    public Status status() {
        return new Status(Status.State.CRITICAL, summary(), Map.of());
    }

    private String summary() {
        return "the configuration was refused and there is no earlier one: " + String.join("; ", problems);
    }
}
