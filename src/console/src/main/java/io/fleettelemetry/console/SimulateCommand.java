package io.fleettelemetry.console;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.karaf.shell.api.action.Command;
import org.apache.karaf.shell.api.action.Option;
import org.apache.karaf.shell.api.action.lifecycle.Service;

/** Offers the records of a simulated fleet to the host, and counts how they end. */
@Service
@Command(
        scope = "telemetry",
        name = "simulate",
        description = "Runs a simulated fleet: offers its records to the host and counts how they end")
public final class SimulateCommand extends HostCommand {

    // A year, which is also what "until interrupted" means.
    private static final int MAX_SECONDS = 31_536_000;

    // Texts, because Karaf would refuse a wrong number with its own message, and not in JSON.

    @Option(name = "--vehicles", description = "Number of vehicles, 1 to 999999")
    String vehicles = "100";

    @Option(name = "--rate", description = "Records per second over the whole fleet, 1 to 1000000")
    String rate = "100";

    @Option(name = "--seconds", description = "Duration in seconds; 0 runs until Ctrl-C")
    String seconds = "10";

    @Option(name = "--seed", description = "Seed of the random drives: a whole number")
    String seed = "1";

    @Override
    String usage() {
        return "telemetry:simulate [--vehicles N] [--rate R] [--seconds S] [--seed X] [--json]";
    }

    @Override
    Answer answer() throws Misuse {
        int vehicles = (int) number("--vehicles", this.vehicles, 1, SimulatedFleet.MAX_VEHICLES);
        int rate = (int) number("--rate", this.rate, 1, SimulatedFleet.MAX_RATE);
        long seconds = number("--seconds", this.seconds, 0, MAX_SECONDS);
        long seed = number("--seed", this.seed, Long.MIN_VALUE, Long.MAX_VALUE);
        boolean endless = seconds == 0;
        if (endless && json) {
            throw new Misuse("--seconds", seconds, "must be 1 or more with --json");
        }
        long duration = endless ? MAX_SECONDS : seconds;
        SimulatedFleet fleet = new SimulatedFleet(vehicles, rate, seed, Instant.now());
        Simulation.Result result = new Simulation(host, fleet, this::progress).run(duration * rate, duration);
        return new Answer(facts(result), text(result), complaint(result.counts(), endless ? 0 : duration * rate));
    }

    private boolean progress(String line) {
        return json || show(line);
    }

    private static long number(String option, String value, long min, long max) throws Misuse {
        try {
            long number = Long.parseLong(value);
            if (number >= min && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below, as for a number outside the range
        }
        throw new Misuse(option, value, "must be a whole number from " + min + " to " + max);
    }

    private static Map<String, ?> facts(Simulation.Result result) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("offered", result.counts().offered());
        facts.put("confirmed", result.counts().confirmed());
        facts.put("failed", result.counts().failed());
        facts.put("reliable_acks", result.counts().acks());
        facts.put("seconds", Math.round(result.seconds() * 1e3) / 1e3);
        facts.put("failures", result.counts().failures());
        return facts;
    }

    private static List<String> text(Simulation.Result result) {
        OutcomeCounter.Counts counts = result.counts();
        List<String> text = new ArrayList<>();
        text.add(String.format(
                Locale.ROOT,
                "%.1f s: offered %d (%.1f per second), confirmed %d, failed %d, reliable acks %d",
                result.seconds(),
                counts.offered(),
                counts.offered() / result.offering(),
                counts.confirmed(),
                counts.failed(),
                counts.acks()));
        counts.failures().forEach((reason, count) -> text.add(String.format("%9d failed: %s", count, reason)));
        return text;
    }

    private static List<String> complaint(OutcomeCounter.Counts counts, long asked) {
        if (counts.failed() > 0) {
            return List.of(counts.failed() + " of " + counts.offered() + " records failed");
        }
        if (counts.inFlight() > 0) {
            return List.of("interrupted while " + counts.inFlight() + " records were in flight");
        }
        if (counts.offered() < asked) {
            return List.of("offered only " + counts.offered() + " of " + asked + " records");
        }
        return List.of();
    }
}
