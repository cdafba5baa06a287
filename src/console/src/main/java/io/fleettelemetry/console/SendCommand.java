package io.fleettelemetry.console;

import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.HostStatus;
import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.karaf.shell.api.action.Command;
import org.apache.karaf.shell.api.action.Completion;
import org.apache.karaf.shell.api.action.Option;
import org.apache.karaf.shell.api.action.lifecycle.Service;
import org.apache.karaf.shell.support.completers.FileCompleter;

/** Offers one record with any bytes, and shows how it ended. */
@Service
@Command(scope = "telemetry", name = "send", description = "Offers one record to the host and shows how it ended")
public final class SendCommand extends HostCommand {

    /** Time after which the command shows what it waits for. */
    private static final Duration LOOK = Duration.ofMillis(500);

    /** Limit (bytes) on the payload, which is also the default limit of the host's hold. */
    private static final int MAX_PAYLOAD = 16_777_216;

    @Option(name = "--type", description = "Record type: V, alerts, errors, connectivity or any other (required)")
    @Completion(RecordTypeCompleter.class)
    String type;

    @Option(name = "--vin", description = "The vehicle's identification number (required)")
    String vin;

    @Option(name = "--hex", description = "The payload in hexadecimal digits, \"\" for an empty one (this or --file)")
    String hex;

    @Option(name = "--file", description = "File whose bytes are the payload (this or --hex)")
    @Completion(FileCompleter.class)
    String file;

    @Option(name = "--txid", description = "Id of the message, as the vehicle gives it; random by default")
    String txid;

    @Override
    String usage() {
        return "telemetry:send --type T --vin VIN (--hex HEX | --file F) [--txid ID] [--json]";
    }

    @Override
    Answer answer() throws Misuse {
        if (type == null) {
            throw new Misuse("--type", null, "is missing");
        }
        if (vin == null) {
            throw new Misuse("--vin", null, "is missing");
        }
        String id = txid == null ? UUID.randomUUID().toString() : txid;
        TelemetryRecord record = Gateway.receive(vin, type, id, payload(), System.currentTimeMillis());
        String subject = firstDestination(record);
        End end = new End();
        try (Intake intake = host.open(end)) {
            intake.offer(record);
            Outcome outcome = await(end);
            // If a datastore without a destination failed the record, there is no subject, even if other datastores
            // have one.
            return answer(
                    record,
                    outcome.confirmed() ? subject : host.destination(record, outcome.datastore()),
                    outcome,
                    end.acknowledged);
        } catch (InterruptedException | ExecutionException e) {
            return Answer.refused("interrupted before the record had ended");
        }
    }

    /** The first destination that a datastore of the route has. */
    private String firstDestination(TelemetryRecord record) {
        return host.status().routes().getOrDefault(record.type(), List.of()).stream()
                .map(datastore -> host.destination(record, datastore))
                .filter(destination -> !destination.isEmpty())
                .findFirst()
                .orElse("");
    }

    /** Waits until the record has ended, and shows what it waits for whenever that changes. */
    private Outcome await(End end) throws InterruptedException, ExecutionException {
        String said = "";
        while (true) {
            try {
                return end.outcome.get(LOOK.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                String reason = whyItTakesLong();
                if (!json && !reason.equals(said) && !show(line("waiting for", reason))) {
                    throw new InterruptedException("the output was closed");
                }
                said = reason;
            }
        }
    }

    /** The summaries of the route's datastores that are not OK; if all are OK, the summary of the first. */
    private String whyItTakesLong() {
        HostStatus status = host.status();
        List<String> route = status.routes().getOrDefault(type, List.of());
        String wrong = status.datastores().stream()
                .filter(datastore ->
                        route.contains(datastore.name()) && datastore.status().state() != Status.State.OK)
                .map(datastore -> datastore.name() + " (" + datastore.status().state() + "): "
                        + datastore.status().summary())
                .collect(Collectors.joining("; "));
        return wrong.isEmpty() ? String.join(", ", route) : wrong;
    }

    private static String line(String name, Object value) {
        return String.format("%-13s  %s", name, value);
    }

    private static Answer answer(TelemetryRecord record, String subject, Outcome outcome, boolean acknowledged) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("outcome", outcome.confirmed() ? "confirmed" : "failed");
        facts.put("subject", subject);
        facts.put("datastore", outcome.datastore());
        facts.put("kind", outcome.confirmed() ? "" : outcome.failure().kind().name());
        facts.put("reason", outcome.confirmed() ? "" : outcome.failure().reason());
        facts.put("reliable_ack", acknowledged);
        facts.put("txid", record.txid());
        facts.put("payload_bytes", record.payload().length);

        List<String> text = new ArrayList<>();
        facts.forEach((name, value) -> {
            if (!"".equals(value)) {
                text.add(line(name.replace('_', ' '), value));
            }
        });
        return new Answer(
                facts,
                text,
                outcome.confirmed() ? List.of() : List.of("the record failed: " + OutcomeCounter.reason(outcome)));
    }

    private byte[] payload() throws Misuse {
        if (hex == null && file == null) {
            throw new Misuse("--hex or --file", null, "one of them must give the payload");
        }
        if (hex != null && file != null) {
            throw new Misuse("--file", file, "give either --hex or --file, not both");
        }
        return hex != null ? parse(hex) : RegularFile.read("--file", file, session.currentDir(), MAX_PAYLOAD);
    }

    private static byte[] parse(String hex) throws Misuse {
        for (int i = 0; i < hex.length(); i++) {
            if (!HexFormat.isHexDigit(hex.charAt(i))) {
                throw new Misuse(
                        "--hex", hex, "'" + hex.charAt(i) + "' at position " + (i + 1) + " is not a hex digit");
            }
        }
        if (hex.length() % 2 != 0) {
            throw new Misuse("--hex", hex, "has an odd number of digits, " + hex.length() + "; each byte has two");
        }
        return HexFormat.of().parseHex(hex);
    }

    /** How the one record ended. */
    private static final class End implements Source {

        private final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        private volatile boolean acknowledged;

        @Override
        public boolean acknowledge(TelemetryRecord record) {
            acknowledged = true;
            return true;
        }

        @Override
        public void ended(TelemetryRecord record, Outcome how) {
            outcome.complete(how);
        }
    }
}
