package io.fleettelemetry.datastore.nats.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.fleettelemetry.api.Failure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What came of a fault.
 *
 * @param fault what was done
 * @param offered records that were accepted or failed
 * @param confirmed of these, by the producer
 * @param failed of these, by kind; kinds that did not occur are not there
 * @param arrived of these, at the subscriber or in the stream
 * @param duplicates further arrivals of the same records
 * @param outOfOrder first arrivals after that of a newer record of the same vehicle
 * @param lost ids of records that were confirmed and did not arrive
 * @param wrong what must never be, in words: records that ended twice, alien messages, …
 */
record Tally(
        String fault,
        long offered,
        long confirmed,
        Map<Failure.Kind, Long> failed,
        long arrived,
        long duplicates,
        long outOfOrder,
        long[] lost,
        List<String> wrong) {

    private static final String COLUMNS = "| %-62s | %9s | %9s | %-22s | %9s | %10s | %12s | %6s |%n";

    private static final int SOME = 10;

    static {
        print("fault", "offered", "confirmed", "failed", "arrived", "duplicates", "out of order", "lost");
    }

    /** To be taken when the load has {@linkplain Load#finish finished} and all that will arrive has arrived. */
    static Tally of(String fault, Load load, Arrivals arrivals) {
        Map<Failure.Kind, Long> failed = new EnumMap<>(Failure.Kind.class);
        for (Failure.Kind kind : Failure.Kind.values()) {
            if (load.failed(kind).size() > 0) {
                failed.put(kind, load.failed(kind).size());
            }
        }
        return of(fault, load.offered(), load.confirmed(), failed, load.faults(), arrivals);
    }

    /** Of a load that did not live to see how its last records ended. */
    static Tally of(String fault, Ids offered, Ids confirmed, Arrivals arrivals) {
        return of(fault, offered, confirmed, Map.of(), List.of(), arrivals);
    }

    private static Tally of(
            String fault,
            Ids offered,
            Ids confirmed,
            Map<Failure.Kind, Long> failed,
            List<String> faults,
            Arrivals arrivals) {
        List<String> wrong = new ArrayList<>(faults);
        arrivals.aliens().forEach(alien -> wrong.add("alien: " + alien));
        int unoffered = arrivals.arrived().without(offered).length;
        if (unoffered > 0) {
            wrong.add(unoffered + " arrived that were not offered");
        }
        return new Tally(
                fault,
                offered.size(),
                confirmed.size(),
                failed,
                arrivals.arrived().size(),
                arrivals.duplicates(),
                arrivals.outOfOrder(),
                confirmed.without(arrivals.arrived()),
                wrong);
    }

    /** Prints one line of the table. */
    Tally print() {
        print(fault, offered, confirmed, failedInWords(), arrived, duplicates, outOfOrder, lost.length);
        return this;
    }

    private static void print(Object... columns) {
        System.out.printf(Locale.ROOT, COLUMNS, columns);
    }

    private String failedInWords() {
        return failed.isEmpty()
                ? "0"
                : failed.toString().substring(1, failed.toString().length() - 1).replace('=', ' ');
    }

    /** Checks what holds in core NATS whatever the fault: the counts add up, the order is kept, and nothing was lost. */
    Tally check() {
        return addsUp().inOrder().nothingLost();
    }

    /** Checks that each record ended once, and that nothing arrived but what was offered. */
    Tally addsUp() {
        assertEquals(List.of(), wrong, fault + ": wrong");
        assertEquals(
                offered,
                confirmed + failed.values().stream().mapToLong(n -> n).sum(),
                fault + ": offered = confirmed + failed");
        return this;
    }

    Tally inOrder() {
        assertEquals(0, outOfOrder, fault + ": first arrivals out of order");
        return this;
    }

    Tally nothingLost() {
        assertEquals(List.of(), some(lost), fault + ": lost");
        return this;
    }

    /** The first ones, for a message. */
    static List<Long> some(long[] ids) {
        return Arrays.stream(ids).limit(SOME).boxed().toList();
    }

    /** Checks that nothing failed. */
    Tally nothingFailed() {
        assertEquals(Map.of(), failed, fault + ": failed");
        return this;
    }
}
